"""People who do not exist: random heads with skin, eyes, brows, lashes, hair, clothes, light and background.

wardrobe = Wardrobe(assets, skins)          # textures and card geometry, read once
person = Person.random(seed, wardrobe)
photograph = person.photograph(wardrobe, size=512)      # picture, mesh, depth, normals, segmentation, parameters ...
"""

from faces.people.assets import Wardrobe
from faces.people.behaviour import random_actions
from faces.people.labels import Photograph, Region
from faces.people.person import Person

__all__ = ["Person", "Photograph", "Region", "Wardrobe", "random_actions"]
