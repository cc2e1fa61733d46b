/**
 * Posts each response of this form to Segue, signed by Standard Webhooks (https://www.standardwebhooks.com).
 *
 * URL and secret stand in the script's properties, SEGUE_URL and SEGUE_SECRET (whsec_...), never in this text. A response
 * keeps its id however often it is sent: Segue takes it once.
 */

var TRIES = 3;
var FIRST_PAUSE_MS = 2000;
var RESEND = 50;
var SECRET_PREFIX = 'whsec_';

// Questions whose whole title is one of these say who the person is.
var FIELDS = {
  'email': 'email', 'e-mail': 'email', 'email address': 'email', 'e-mail address': 'email',
  'first name': 'first_name', 'last name': 'last_name', 'surname': 'last_name',
  'name': 'name', 'full name': 'name', 'company': 'company', 'company name': 'company', 'organization': 'company'
};

/** Run once: asks for permission and installs the trigger, one only. */
function setup() {
  settings_();
  ScriptApp.getProjectTriggers().forEach(function (trigger) {
    if (trigger.getHandlerFunction() === 'onResponse') ScriptApp.deleteTrigger(trigger);
  });
  ScriptApp.newTrigger('onResponse').forForm(FormApp.getActiveForm()).onFormSubmit().create();
}

/** What the trigger calls. When it fails, Google writes to the script's owner. */
function onResponse(event) {
  send_(message_(FormApp.getActiveForm(), event.response));
}

/** Sends the last responses again, after an outage: Segue tells the ones that it has seen. */
function resend() {
  var form = FormApp.getActiveForm();
  form.getResponses().slice(-RESEND).forEach(function (response) { send_(message_(form, response)); });
}

/** Sends a message of a type that no rule listens to, to see that URL and secret fit. */
function sendTest() {
  var now = new Date();
  send_({ id: 'gform_test_' + now.getTime(), body: { type: 'form.test', timestamp: now.toISOString(), data: {} } });
}

/** Returns a response as a message: its id, and what it says. */
function message_(form, response) {
  var data = {
    form_id: form.getId(), form_title: form.getTitle(), response_id: response.getId(), answers: {}
  };
  response.getItemResponses().forEach(function (item) {
    var title = item.getItem().getTitle();
    var answer = item.getResponse();
    var field = FIELDS[title.trim().toLowerCase()];
    data.answers[title] = answer;
    if (field && typeof answer === 'string' && answer.trim() && !data[field]) data[field] = answer.trim();
  });
  var collected = response.getRespondentEmail();
  if (collected) data.email = collected;
  return {
    id: 'gform_' + response.getId(),
    body: { type: 'form.submitted', timestamp: response.getTimestamp().toISOString(), data: data }
  };
}

/** Posts a message; tries again where that may help, and throws where it does not, so that somebody hears of it. */
function send_(message) {
  var settings = settings_();
  var body = JSON.stringify(message.body);
  var told = '';
  for (var attempt = 0; attempt < TRIES; attempt++) {
    if (attempt) Utilities.sleep(FIRST_PAUSE_MS * Math.pow(2, attempt - 1));
    told = post_(settings, message.id, body);
    if (told === '') return;
    if (!/^(429|5\d\d|unreachable)/.test(told)) break;
  }
  throw new Error('Segue did not take ' + message.id + ': ' + told);
}

/** Returns nothing when the message was taken, else what went wrong. */
function post_(settings, id, body) {
  try {
    var answer = UrlFetchApp.fetch(settings.url, {
      method: 'post', contentType: 'application/json', payload: Utilities.newBlob(body).getBytes(),
      headers: signed_(settings.secret, id, Math.floor(Date.now() / 1000), body),
      muteHttpExceptions: true, followRedirects: false
    });
    var status = answer.getResponseCode();
    return status >= 200 && status < 300 ? '' : status + ' ' + answer.getContentText().slice(0, 200);
  } catch (error) {
    return 'unreachable: ' + error.message;
  }
}

/** Returns the three headers: HMAC-SHA256 over id, time and body, as bytes of UTF-8. */
function signed_(secret, id, seconds, body) {
  var key = Utilities.base64Decode(secret.replace(SECRET_PREFIX, ''));
  var content = Utilities.newBlob(id + '.' + seconds + '.' + body).getBytes();
  var signature = Utilities.base64Encode(Utilities.computeHmacSha256Signature(content, key));
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': 'v1,' + signature };
}

/** Returns URL and secret, or throws and says which one is missing. */
function settings_() {
  var properties = PropertiesService.getScriptProperties();
  var url = properties.getProperty('SEGUE_URL');
  var secret = properties.getProperty('SEGUE_SECRET');
  if (!url || !secret) throw new Error('Set the script properties SEGUE_URL and SEGUE_SECRET first.');
  return { url: url, secret: secret };
}
