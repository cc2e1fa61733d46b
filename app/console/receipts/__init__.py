"""Sentences about people, events and enrollments, which a person can paste into a mail. Pure.

In go the facts of stored rows and names for what they hold as ids; out come sentences. A sentence names the person and
uses no pronoun; a code never stands alone; what is inferred is said to be. A test requires a sentence for each state,
each reason and each cause that the code can write.
"""
