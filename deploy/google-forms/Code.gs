/**
 * Google Forms to Segue: posts each response of the form that this script belongs to, signed by Standard Webhooks.
 *
 * Script properties: SEGUE_URL, https://segue.example/webhooks/<source>, and SEGUE_SECRET, whsec_... They stand in no code.
 * Run `setup` once; README.md tells the steps. The id of a delivery is that of the response, so that Segue tells what is
 * sent again, whoever sends it.
 */

const TRIES = 3;
const FIRST_PAUSE_MS = 2000;
const RESENT = 50;

/** What questions are called that ask for a field of the person, and for nothing else. */
const MEANINGS = {
  'email': 'email',
  'e mail': 'email',
  'email address': 'email',
  'e mail address': 'email',
  'first name': 'first_name',
  'given name': 'first_name',
  'last name': 'last_name',
  'family name': 'last_name',
  'surname': 'last_name',
  'name': 'name',
  'full name': 'name',
  'company': 'company',
  'company name': 'company',
  'organisation': 'company',
  'organization': 'company',
};
const FILLERS = ['your', 'work', 'business', 'what', 's', 'is', 'please', 'enter', 'the'];
const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** Run once, by hand: creates the trigger for each submitted form, unless it is there. */
function setup() {
  settings_();
  const there = ScriptApp.getProjectTriggers().some((trigger) => trigger.getHandlerFunction() === 'onResponse');
  if (there) {
    console.log('The trigger is there already.');
    return;
  }
  ScriptApp.newTrigger('onResponse').forForm(FormApp.getActiveForm()).onFormSubmit().create();
  console.log('The trigger was created: responses are sent from now on.');
}

/** What the trigger calls for each response. When it throws, Google mails the failure to the trigger's owner. */
function onResponse(event) {
  send_(message_(event.source, event.response));
}

/** Run by hand after an outage: posts the last responses again. Segue knows those that it has. */
function resend() {
  const form = FormApp.getActiveForm();
  const responses = form.getResponses().slice(-RESENT);
  responses.forEach((response) => send_(message_(form, response)));
  console.log(`${responses.length} responses were sent.`);
}

/** Run by hand: posts an event of the type form.test, about a made-up person. */
function sendTest() {
  const now = new Date().toISOString();
  const body = {type: 'form.test', timestamp: now, data: {email: 'ada@corp.example', first_name: 'Ada', answers: {}}};
  send_({id: `gform_test_${Date.now()}`, body: JSON.stringify(body)});
}

/** The id and the body of a response's delivery: the same, whenever they are made. */
function message_(form, response) {
  const asked = response.getItemResponses().map((item) => [item.getItem().getTitle(), item.getResponse()]);
  const person = person_(asked);
  const data = {
    form_id: form.getId(),
    form_title: form.getTitle(),
    response_id: response.getId(),
    email: response.getRespondentEmail() || person.email || null,
    first_name: person.first_name || null,
    last_name: person.last_name || null,
    name: person.name || null,
    company: person.company || null,
    answers: answers_(asked),
  };
  const body = {type: 'form.submitted', timestamp: response.getTimestamp().toISOString(), data: data};
  return {id: `gform_${response.getId()}`, body: JSON.stringify(body)};
}

/** The fields of the person, told from the titles of questions; the first answer to each counts. */
function person_(asked) {
  const found = {};
  asked.forEach(([title, answer]) => {
    const field = meaning_(title);
    const usable = typeof answer === 'string' && answer.trim() && (field !== 'email' || ADDRESS.test(answer.trim()));
    if (field && usable && !found[field]) {
      found[field] = answer.trim();
    }
  });
  return found;
}

function meaning_(title) {
  const unnumbered = title.toLowerCase().replace(/[\s_(-]*[0-9]+[\s)_]*$/, '');
  const words = (unnumbered.match(/[\p{L}\p{N}]+/gu) || []).filter((word) => !FILLERS.includes(word));
  const wording = words.join(' ');
  return Object.prototype.hasOwnProperty.call(MEANINGS, wording) ? MEANINGS[wording] : null;
}

/** Each answer by its question's title; a title that comes again is numbered. */
function answers_(asked) {
  const found = Object.create(null);
  asked.forEach(([title, answer]) => {
    let key = title;
    for (let number = 2; key in found; number += 1) {
      key = `${title} (${number})`;
    }
    found[key] = answer;
  });
  return found;
}

/** Posts a message. Tries again where that may help, and throws where it was not taken. */
function send_(message) {
  const {url, key} = settings_();
  let failure = '';
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (attempt > 0) {
      Utilities.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
    let status = 0;
    try {
      const answer = UrlFetchApp.fetch(url, request_(message, key));
      status = answer.getResponseCode();
      failure = `answered ${status}: ${answer.getContentText().slice(0, 200)}`;
    } catch (error) {
      failure = `not reached: ${error.message}`;
    }
    if (status >= 200 && status < 300) {
      console.log(`${message.id} was taken.`);
      return;
    }
    if (status !== 0 && status !== 429 && status < 500) {
      break;
    }
  }
  throw new Error(`Segue did not take ${message.id}: ${failure}`);
}

/** The request, signed now: the time is that of the attempt, the id that of the message. */
function request_(message, key) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signed = bytes_(`${message.id}.${timestamp}.${message.body}`);
  const signature = Utilities.base64Encode(Utilities.computeHmacSha256Signature(signed, key));
  return {
    method: 'post',
    contentType: 'application/json',
    payload: bytes_(message.body),
    headers: {'webhook-id': message.id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}`},
    followRedirects: false,
    muteHttpExceptions: true,
  };
}

/** The bytes of a text in UTF-8, which are what is signed and what is sent. */
function bytes_(text) {
  return Utilities.newBlob(text).getBytes();
}

function settings_() {
  const properties = PropertiesService.getScriptProperties();
  const url = (properties.getProperty('SEGUE_URL') || '').trim();
  const secret = (properties.getProperty('SEGUE_SECRET') || '').trim();
  if (!url.startsWith('https://') || !secret.startsWith('whsec_')) {
    throw new Error('Set the script properties SEGUE_URL (https://...) and SEGUE_SECRET (whsec_...) first.');
  }
  return {url: url, key: Utilities.base64Decode(secret.slice('whsec_'.length))};
}
