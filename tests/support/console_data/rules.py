"""The operator's file of the made-up week, and the secrets that it names."""

from __future__ import annotations

SECRETS = {
    "TYPEFORM_SECRET": "made-up-typeform-secret",
    "SEGMENT_SECRET": "made-up-segment-secret",
    "CRM_SECRET": "whsec_c2VndWUtbWFkZS11cC1zZWNyZXQ=",
    "ZOOM_SECRET": "made-up-zoom-secret",
    "CALENDLY_SECRET": "made-up-calendly-secret",
    "STRIPE_SECRET": "whsec_made-up-stripe-secret",
    "CRM_BACK_SECRET": "whsec_YmFjay1tYWRlLXVwLXNlY3JldC1vZi1vdXJz",
    "LAKE_SECRET": "whsec_bGFrZS1tYWRlLXVwLXNlY3JldC1vZi1vdXJz",
}
RULES = """\
version: 1

accounts:
  main: {token: "${SEGUE_HUBSPOT_TOKEN}", timezone: Europe/Berlin, daily: 50000, per_person: {enrollments: 3, per: 30d}}
  emea: {oauth: true}

sources:
  demo-form: {provider: typeform, secrets: ["${TYPEFORM_SECRET}"]}
  product: {provider: segment, secrets: ["${SEGMENT_SECRET}"], batches: first-only}
  crm: {provider: standard-webhooks, secrets: ["${CRM_SECRET}"]}
  webinar: {provider: zoom, secrets: ["${ZOOM_SECRET}"]}
  meetings: {provider: calendly, secrets: ["${CALENDLY_SECRET}"]}
  billing: {provider: stripe, secrets: ["${STRIPE_SECRET}"]}

senders:
  anna: {user_id: "7001", email: anna@acme.example, daily: 60, timezone: Europe/Berlin}
  ben: {user_id: "7002", email: ben@acme.example, daily: 100, timezone: Europe/Berlin}
  cara: {user_id: "7003", email: cara@acme.example, daily: 250, timezone: Europe/London}

pools:
  emea: {pick: most-left, senders: [anna, cara], sticky: company}

windows:
  office: {days: mon-fri, hours: "09:00-17:00", timezone: sender, otherwise: Europe/Berlin}

endpoints:
  crm-back: {url: "https://crm.acme.example/hooks/segue", secrets: ["${CRM_BACK_SECRET}"]}
  lake: {url: "https://lake.acme.example/segue", secrets: ["${LAKE_SECRET}"], events: [enrolled, replied]}

suppress: [rival.example, "*@*.press.example"]

rules:
  - id: demo-request
    description: Demo form, companies of 50 and more
    source: demo-form
    type: form_response
    account: main
    when: event.data.employees >= 50 && !is_free_mail(event.email)
    contact:
      set: {firstname: event.first_name, company: event.company}
      require: [firstname]
    priority: 10
    enroll: {sequence: "310001", sender: emea, window: office}
    dedupe: {intent: demo, for: 30d}
    examples:
      - name: a big company
        event: {type: form_response, email: ada@corp.example, first_name: Ada, data: {employees: 80}}
        expect: {enroll: "310001"}
      - name: too small
        event: {type: form_response, email: bob@corp.example, first_name: Bob, data: {employees: 3}}
        expect: none
      - name: free mail
        event: {type: form_response, email: cy@gmail.com, first_name: Cy, data: {employees: 900}}
        expect: none

  - id: webinar-follow-up
    description: Registered for a webinar
    source: webinar
    type: webinar.registration_created
    account: main
    contact:
      set: {firstname: event.first_name, lastname: event.last_name}
    enroll: {sequence: "310002", sender: ben}
    dedupe: {intent: webinar, for: 14d}

  - id: trial-started
    description: Started a trial in the product
    source: product
    type: track
    account: main
    when: event.data.event == "Trial Started"
    enroll: {sequence: "310003", sender: contact-owner, fallback: anna, window: office}
    dedupe: {intent: trial, for: 90d}
    examples:
      - name: a trial
        event: {type: track, email: eve@corp.example, data: {event: Trial Started}}
        expect: {enroll: "310003"}
      - name: something else
        event: {type: track, email: eve@corp.example, data: {event: Page Viewed}}
        expect: none

  - id: crm-qualified
    description: The CRM qualified a lead
    source: crm
    type: lead.qualified
    account: main
    when: event.data.data.score > 50
    contact:
      set: {firstname: event.first_name}
    enroll: {sequence: "310001", sender: ben}
    dedupe: {intent: demo, for: 30d}
    examples:
      - name: a good score
        event: {type: lead.qualified, email: fay@corp.example, first_name: Fay, data: {data: {score: 80}}}
        expect: {enroll: "310001"}

  - id: meeting-booked
    description: A booked meeting ends what waits
    source: meetings
    type: invitee.created
    account: main
    cancel: true

  - id: checkout-abandoned
    description: Left the checkout without paying
    source: billing
    type: checkout.session.expired
    account: emea
    enroll: {sequence: "310002", sender: cara}
    dedupe: {intent: checkout, for: 7d}
"""
