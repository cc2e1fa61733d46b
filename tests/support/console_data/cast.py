"""Made-up people. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FIRST = """Ada Bruno Carla Dmitri Elif Farah Georg Hana Ines Jonas Kofi Lena Mateo Nora Omar Petra Quinn Rosa Sven Tara
    Udo Vera Wanda Xenia Yusuf Zoe""".split()  # noqa: SIM905  # names read better in a paragraph
LAST = """Okafor Brandt Conti Desai Eriksen Fontaine Grabowski Haas Ito Jensen Klein Lopez Moreau Novak Ortiz Patel Ruiz
    Silva Tanaka""".split()  # noqa: SIM905  # as above
FIRMS = ("brightmill", "northgate", "lumenlabs", "harbourline", "fernandco", "tessellate", "quarrystone", "oakfield")


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up person."""

    first: str
    last: str
    firm: str

    @property
    def email(self) -> str:
        """Their address."""
        return f"{self.first}.{self.last}@{self.firm}.example".lower()


ADA = Person("Ada", "Okafor", "brightmill")


def people() -> list[Person]:
    """Return everyone but Ada Okafor, in an order that mixes firms and names."""
    found = [
        Person(FIRST[number % len(FIRST)], LAST[(number + number // 26 * 5) % len(LAST)], FIRMS[number % len(FIRMS)])
        for number in range(494)
    ]
    return [one for one in dict.fromkeys(found) if one != ADA]
