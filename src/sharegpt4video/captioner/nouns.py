"""English words that captions use to name subjects and tell them apart."""

from __future__ import annotations

from collections.abc import Mapping

_SAME: Mapping[str, str] = {
    "man": "man guy gentleman male",
    "woman": "woman lady female",
    "boy": "boy",
    "girl": "girl",
    "child": "child kid toddler",
    "baby": "baby infant",
    "person": "person individual figure",
    "people": "people persons individuals",
    "men": "men guys",
    "women": "women ladies",
    "children": "children kids",
    "motorcycle": "motorcycle motorbike",
    "bicycle": "bicycle bike",
    "plane": "plane airplane aircraft jet",
    "truck": "truck lorry",
    "puppy": "puppy",
}
_ALONE = (
    "player dancer performer rider cyclist skier snowboarder surfer skateboarder skater runner swimmer climber"
    " boxer wrestler gymnast athlete referee coach chef cook waiter waitress barista worker farmer fisherman"
    " hunter soldier officer policeman guard firefighter doctor nurse teacher student singer musician guitarist"
    " drummer pianist violinist conductor actor actress host presenter reporter speaker driver pilot passenger"
    " pedestrian customer cashier artist painter mechanic carpenter scientist astronaut clown mascot bride groom"
    " couple family crowd dog cat kitten horse foal cow calf bull sheep lamb goat pig chicken rooster hen duck"
    " goose swan bird pigeon parrot owl eagle seagull penguin elephant giraffe zebra lion tiger leopard cheetah"
    " bear panda monkey gorilla rabbit squirrel mouse hamster deer fox wolf kangaroo turtle tortoise frog snake"
    " lizard crocodile fish shark dolphin whale octopus jellyfish crab butterfly bee spider car taxi van bus tram"
    " train boat ship sailboat canoe kayak helicopter drone tractor scooter robot"
)
_WORN = (
    "jacket coat shirt t-shirt tshirt tee blouse top sweater sweatshirt hoodie cardigan vest waistcoat suit"
    " tuxedo dress gown skirt jeans pants trousers shorts leggings uniform costume robe apron overalls jersey"
    " swimsuit bikini outfit clothes clothing tie scarf hat cap beanie helmet hood mask glasses sunglasses goggles"
    " gloves boots shoes sneakers backpack bag collar harness hair beard mustache moustache ponytail braid braids"
    " bun fur stripes spots"
)
_COLOURS = "red blue green yellow black white grey gray orange purple pink brown beige"
_FILLERS = "same other another second third first new last different single main only also very"
_NO_MODIFIERS = (
    "a an the another one two three four five of in on at to from by with and or but as while that which who"
    " whose is are was were be been has have had do does did can will would may might then than into onto over"
    " under between behind beside near next toward towards for off out up down through across along around before"
    " after against there here it he she they his her their its this these those not no all both each every some"
    " any side back front top bottom left right middle rest part group pair hand hands arm arms head face legs leg"
    " view scene camera picture screen background foreground"
)

KINDS: Mapping[str, str] = {
    **{word: kind for kind, words in _SAME.items() for word in words.split()},
    **{word: word for word in _ALONE.split()},
}
"""Nouns of subjects, each with the kind that it names."""
GARMENTS = frozenset(_WORN.split())
"""What a subject wears or has on it."""
COLOURS = frozenset(_COLOURS.split())
FILLERS = frozenset(_FILLERS.split())
"""Words before a noun that say nothing of what it looks like."""
NO_MODIFIERS = frozenset(_NO_MODIFIERS.split())
"""Words that do not stand between an article and the noun of a subject."""
