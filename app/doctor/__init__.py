"""`segue doctor`: what would keep enrollments from going out, found before the first one.

`wanted` says what the rules want of an account, `reading` asks HubSpot, `connection`, `day`, `people`, `sequences` and
`properties` judge what it said, `report` puts the judgements together. Only `reading` performs I/O.
"""
