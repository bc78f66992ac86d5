// Twilio's own SDK for Node.js drives the REST API at BASE_URL during a call; prints what it saw as one JSON object.
const twilio = require("twilio");
const RequestClient = require("twilio/lib/base/RequestClient");

const { BASE_URL, ACCOUNT_SID, AUTH_TOKEN, TWILIO_NUMBER, CONTACT, RECEIVER } = process.env;

class Elsewhere extends RequestClient {
  request(options) {
    return super.request({ ...options, uri: options.uri.replace("https://api.twilio.com", BASE_URL) });
  }
}

async function main() {
  const client = twilio(ACCOUNT_SID, AUTH_TOKEN, { httpClient: new Elsewhere() });
  const [conference] = await client.conferences.list({ status: "in-progress", limit: 1 });
  const room = client.conferences(conference.sid);

  const before = await room.participants.list();
  const muted = await room.participants("caller").update({ muted: true });
  const held = await room.participants("caller").update({ hold: true, holdUrl: `${RECEIVER}/hold` });
  await room.participants("caller").update({ muted: false, hold: false });

  const call = await client.calls.create({
    from: TWILIO_NUMBER,
    to: CONTACT,
    twiml: "<Response><Say>somebody may be deceiving your mother</Say></Response>",
    statusCallback: `${RECEIVER}/leg`,
    statusCallbackEvent: ["initiated", "completed"],
  });
  const sent = await client.messages.create({ from: TWILIO_NUMBER, to: CONTACT, body: "Anna, call your mother" });
  const found = await client.messages.list({ to: CONTACT, limit: 20 });
  const refused = await client.messages
    .create({ from: TWILIO_NUMBER, to: "12", body: "nobody" })
    .catch((error) => ({ status: error.status, code: error.code }));
  const ended = await room.update({ status: "completed" });

  const names = before.map((participant) => participant.label).sort();
  console.log(
    JSON.stringify({
      conference: conference.friendlyName,
      names,
      muted: muted.muted,
      held: held.hold,
      call: { sid: call.sid, direction: call.direction, to: call.to },
      message: sent.sid,
      found: found.map((message) => [message.sid, message.body, message.dateCreated instanceof Date]),
      refused,
      ended: ended.status,
    }),
  );
}

main();
