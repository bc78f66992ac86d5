// Turns alerts on and off for this browser. The page's own address carries whom it is for.
const main = document.querySelector("main");
const state = document.getElementById("state");
const on = document.getElementById("on");
const off = document.getElementById("off");

function say(what) {
  state.textContent = main.dataset[what];
}

function show(isOn) {
  say(isOn ? "isOn" : "isOff");
  on.hidden = isOn;
  off.hidden = !isOn;
}

async function tell(method, body) {
  const reply = await fetch(location.href, {
    method,
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`status ${reply.status}`);
}

async function store(subscription) {
  const {endpoint, keys} = subscription.toJSON();
  await tell("PUT", {endpoint, p256dh: keys.p256dh, auth: keys.auth});
}

async function turnOn(registration) {
  if ((await Notification.requestPermission()) !== "granted") return say("denied");
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: main.dataset.key,
  });
  await store(subscription);
  show(true);
}

async function turnOff(registration) {
  const subscription = await registration.pushManager.getSubscription();
  if (subscription) {
    await tell("DELETE", {endpoint: subscription.endpoint});
    await subscription.unsubscribe();
  }
  show(false);
}

function pressed(button, act) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await act();
    } catch {
      say("failed");
    }
    button.disabled = false;
  });
}

async function begin() {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return say("unsupported");
  await navigator.serviceWorker.register("/app/worker.js", {scope: "/app/"});
  const registration = await navigator.serviceWorker.ready;
  pressed(on, () => turnOn(registration));
  pressed(off, () => turnOff(registration));
  const subscription = await registration.pushManager.getSubscription();
  if (subscription) await store(subscription);
  show(subscription !== null);
}

begin().catch(() => say("failed"));
