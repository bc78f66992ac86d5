// Shows an alert that arrives while no page is open. What has the same tag replaces what was shown before.
self.addEventListener("push", (event) => {
  const {title, body, tag} = event.data.json();
  event.waitUntil(
    self.registration.showNotification(title, {body, tag, renotify: true, requireInteraction: true, icon: "/app/static/shield.svg"}),
  );
});

self.addEventListener("notificationclick", (event) => event.notification.close());
