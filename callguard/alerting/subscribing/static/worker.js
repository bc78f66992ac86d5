// Shows an alert that arrives while no page is open, and tells the server that it did. What has the same tag replaces what
// was shown before.
self.addEventListener("push", (event) => {
  const {title, body, tag, receipt, url} = event.data.json();
  const looks = {body, tag, data: url, renotify: true, requireInteraction: true, icon: "/app/static/shield.svg"};
  const shown = self.registration.showNotification(title, looks);
  event.waitUntil(shown.then(() => fetch(receipt, {method: "POST"})).catch(() => {}));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  if (event.notification.data) event.waitUntil(self.clients.openWindow(event.notification.data));
});
