"""People who do not exist: random heads with skin, eyes, brows, lashes, hair, clothes, light and background.

wardrobe = Wardrobe(assets, skins)          # textures and card geometry, read once
person = Person.random(seed, wardrobe)
picture, parameters = person.photograph(wardrobe, size=512)
"""

from faces.people.assets import Wardrobe
from faces.people.person import Person

__all__ = ["Person", "Wardrobe"]
