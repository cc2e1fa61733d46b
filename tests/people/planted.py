# ruff: noqa: E501  # rows read better whole
"""A person in every column that may hold one: the person's own rows, and what other rows mention."""

from __future__ import annotations

ADDRESS, NAME, CONTACT = "zoe.marker@corp.example", "Zoemarkername", "90210900001"
OTHER = "bob@corp.example"
# Rows of other people, and of none, that mention the address.
MENTIONS = """
INSERT INTO refused_deliveries VALUES ('dlv_r', 'crm', now(), 401, 'by {0}', 'POST', 'https://x/?e=zoe.marker%40corp.example',
    '{{"x-user": "{0}"}}', convert_to('{{"e": "zoe.marker\u0040corp.example"}}', 'UTF8'));
INSERT INTO outbound_endpoints (endpoint, fingerprint, last_success_at, last_error)
    VALUES ('crm', 'f', now(), 'no {0}');
INSERT INTO sender_pauses (account, inbox, reason) VALUES ('main', 'anna@acme.example', 'refused {0}');
INSERT INTO follow_turns (account, turn, search_at, since, calls, refused)
    VALUES ('main', 1, now(), now(), '{{}}', 'for {0}');
INSERT INTO oauth_grants (account, hub_id, scopes, access_token, refresh_token, expires_in, expires_at, state, version,
    updated_at, detail) VALUES ('main', '1', '{{}}', '', '', 1, now(), 'active', 1, now(), 'of {0}');
INSERT INTO suppressions VALUES ('{0}', 'address', NULL, 'asked by {0}', now());
INSERT INTO suppressions VALUES ('other.example', 'domain', NULL, 'asked by {0}', now());
INSERT INTO sticky_senders VALUES ('main', 'left', '{0}', 'anna', now());
UPDATE events SET type = 'signup of {0}', data = data || '{{"note": "Hi,\\nzoe.marker@CORP.example!"}}', name = 'for {0}',
    first_name = '{0}', last_name = '{0}', company = '{0}', provider_id = 'id:{0}', answers = '{{"who": "{0}"}}';
UPDATE decisions SET facts = '[{{"detail": "{0}"}}]', reason = reason || ' {0}';
UPDATE enrollments SET properties = '{{"p": "{0}"}}',
    reason = '{0}', detail = '{0}', ended_why = '{0}';
UPDATE journal SET cause = cause || ' {0}', detail = '{0}';
INSERT INTO enrichments (event_id, delivery_id, source, state, due_at, created_at, updated_at, reason, detail)
    SELECT id, delivery_id, source, 'done', now(), now(), now(), '{0}', '{0}' FROM events;
INSERT INTO outbound (id, endpoint, kind, enrollment_id, body, state, due_at, created_at, updated_at, last_error, attempts)
    SELECT 'out_' || id, 'crm', 'enrolled', id, convert_to('{{"email": "{0}"}}', 'UTF8'), 'waiting', now(), now(), now(),
           '{0}', '[{{"answer": "{0}"}}]' FROM enrollments;
UPDATE deliveries SET url = url || '?{0}', headers = '{{"x": "{0}"}}', body = convert_to('e=zoe.marker%40corp.example', 'UTF8');
"""
# The person's own rows hold the name and the contact, too.
OWN_ROWS = """
UPDATE events SET data = data || '{{"n": "{1} {2}"}}', answers = '{{"who": "{1} {2} {0}"}}', first_name = '{1} {0}',
    last_name = '{1} {0}', name = '{1} {0}', company = '{1} {0}', provider_id = '{1} {2} {0}' WHERE email = '{0}';
UPDATE decisions SET facts = '[{{"detail": "{1} {0}"}}]' WHERE email = '{0}';
UPDATE enrollments SET plan = plan || '{{"note": "{1} {2} {0}"}}', properties = '{{"p": "{1} {0}"}}', contact_id = '{2}',
    occupied_contact_id = '{2}', hubspot_enrollment_id = '{2}', detail = '{1} {0}', assignment = '["{1} {0}"]',
    baseline_count = 902109001, baseline_sequence = '{2}', baseline_date = now() WHERE email = '{0}';
UPDATE journal SET detail = '{1} {2} {0}' WHERE enrollment_id IN (SELECT id FROM enrollments WHERE email = '{0}');
UPDATE outbound SET body = convert_to('{{"email": "{0}", "name": "{1}", "contact": "{2}"}}', 'UTF8')
    WHERE enrollment_id IN (SELECT id FROM enrollments WHERE email = '{0}');
INSERT INTO hubspot_accounts VALUES ('main', '77', NULL, now());
"""
