"""People who do not exist: random heads with skin, eyes, brows, lashes, hair, clothes, light and background.

wardrobe = Wardrobe(assets, skins)          # textures and card geometry, read once
person = Person.random(seed, wardrobe)
photograph = person.photograph(wardrobe, size=512)      # picture, mesh, depth, normals, segmentation, parameters ...
"""

from lab.people.assets import Wardrobe
from lab.people.behaviour import random_actions
from lab.people.labels import Photograph, Region
from lab.people.person import Person

__all__ = ["Person", "Photograph", "Region", "Wardrobe", "random_actions"]
