"""Words for things, colours and actions, grouped by what can stand for what. Word lists only."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from ..vlm.embedded.words import word_set
from .prose import stem

# concept: its words, singular; two-part words are written with "_". A concept is also a word of itself.
_THINGS = {
    "man": "man guy gentleman boy male businessman fisherman bowler groom king",
    "woman": "woman lady girl female businesswoman bride queen",
    "child": "child kid toddler boy girl youngster",
    "baby": "baby infant newborn toddler",
    "dog": "dog puppy hound canine pup", "cat": "cat kitten feline", "horse": "horse pony stallion mare foal",
    "cow": "cow bull calf cattle ox", "sheep": "sheep lamb ram", "goat": "goat", "pig": "pig piglet hog",
    "bird": "bird parrot pigeon gull seagull eagle owl duck goose swan chicken hen rooster sparrow crow penguin",
    "elephant": "elephant", "bear": "bear", "zebra": "zebra", "giraffe": "giraffe", "lion": "lion lioness",
    "tiger": "tiger", "monkey": "monkey ape gorilla chimpanzee", "rabbit": "rabbit bunny hare", "fox": "fox",
    "wolf": "wolf", "deer": "deer stag doe", "fish": "fish shark goldfish salmon", "whale": "whale orca",
    "dolphin": "dolphin", "turtle": "turtle tortoise", "snake": "snake serpent python", "frog": "frog toad",
    "lizard": "lizard gecko iguana chameleon", "spider": "spider", "butterfly": "butterfly moth", "bee": "bee wasp",
    "crocodile": "crocodile alligator", "kangaroo": "kangaroo", "panda": "panda", "camel": "camel",
    "car": "car automobile sedan suv hatchback convertible coupe taxi cab", "truck": "truck lorry pickup",
    "bus": "bus coach minibus", "van": "van minivan", "motorcycle": "motorcycle motorbike scooter moped",
    "bicycle": "bicycle bike", "train": "train locomotive tram subway railcar",
    "airplane": "airplane plane aeroplane jet aircraft airliner", "helicopter": "helicopter chopper",
    "boat": "boat ship yacht sailboat canoe kayak ferry vessel", "tractor": "tractor", "tank": "tank",
    "rocket": "rocket spacecraft spaceship", "balloon": "balloon", "skateboard": "skateboard", "ski": "ski",
    "snowboard": "snowboard", "surfboard": "surfboard", "kite": "kite", "drone": "drone quadcopter",
    "wheelchair": "wheelchair", "stroller": "stroller pram",
    "chair": "chair stool armchair", "bench": "bench", "sofa": "sofa couch", "bed": "bed mattress",
    "lamp": "lamp lantern chandelier", "mirror": "mirror", "clock": "clock", "television": "television tv",
    "computer": "computer laptop notebook pc", "keyboard": "keyboard", "phone": "phone smartphone cellphone telephone",
    "camera": "camera camcorder webcam", "book": "book notebook textbook magazine novel", "newspaper": "newspaper",
    "guitar": "guitar", "piano": "piano", "violin": "violin cello", "drum": "drum", "trumpet": "trumpet",
    "microphone": "microphone mic", "umbrella": "umbrella parasol", "backpack": "backpack rucksack knapsack",
    "handbag": "handbag purse", "suitcase": "suitcase luggage", "bottle": "bottle flask", "cup": "cup mug teacup",
    "glass": "wineglass goblet", "bowl": "bowl", "plate": "plate dish", "knife": "knife blade dagger",
    "fork": "fork", "spoon": "spoon ladle", "oven": "oven stove", "refrigerator": "refrigerator fridge",
    "sink": "sink washbasin", "toilet": "toilet", "bathtub": "bathtub", "candle": "candle", "flag": "flag",
    "statue": "statue sculpture", "painting": "mural fresco", "vase": "vase", "basket": "basket",
    "hammer": "hammer mallet", "scissors": "scissors", "ladder": "ladder", "rope": "rope", "sword": "sword",
    "gun": "gun rifle pistol revolver weapon", "ball": "ball football basketball baseball volleyball",
    "racket": "racket racquet", "frisbee": "frisbee", "trophy": "trophy", "medal": "medal",
    "pizza": "pizza", "burger": "burger hamburger cheeseburger", "sandwich": "sandwich", "cake": "cake cupcake",
    "bread": "bread toast baguette", "egg": "egg", "apple": "apple", "banana": "banana", "carrot": "carrot",
    "broccoli": "broccoli", "donut": "donut doughnut", "coffee": "coffee espresso", "wine": "wine", "beer": "beer",
    "hat": "hat cap beanie helmet", "sunglasses": "sunglasses", "scarf": "scarf", "glove": "glove mitten",
    "tie": "necktie", "dress": "gown", "crown": "crown tiara", "mask": "mask", "wig": "wig", "beard": "beard moustache",
    "mountain": "mountain hill peak cliff", "beach": "beach seashore", "desert": "desert dune",
    "forest": "forest woods jungle woodland", "river": "river stream creek", "lake": "lake pond",
    "ocean": "ocean sea", "waterfall": "waterfall", "island": "island", "volcano": "volcano", "cave": "cave",
    "bridge": "bridge", "tower": "tower skyscraper lighthouse", "castle": "castle palace fortress",
    "church": "church cathedral chapel", "windmill": "windmill", "fountain": "fountain", "pool": "pool",
    "stadium": "stadium arena", "kitchen": "kitchen", "bathroom": "bathroom", "bedroom": "bedroom",
    "classroom": "classroom", "garage": "garage", "supermarket": "supermarket grocery", "library": "library",
    "hospital": "hospital", "airport": "airport", "factory": "factory", "farm": "farm barn", "zoo": "zoo",
    "fire": "fire flame blaze bonfire campfire", "smoke": "smoke", "snow": "snow snowfall", "rain": "rain rainfall",
    "rainbow": "rainbow", "lightning": "lightning", "moon": "moon", "firework": "firework",
    "robot": "robot android", "dragon": "dragon", "unicorn": "unicorn", "astronaut": "astronaut spacesuit",
    "soldier": "soldier troop", "police": "policeman policewoman", "firefighter": "firefighter fireman",
    "chef": "chef cook", "clown": "clown", "hydrant": "hydrant",
}  # fmt: skip

# What is said of many: it may stand for each of these, and each of these for it.
_KINDS = {
    "person": "man woman child baby soldier police firefighter chef clown astronaut",
    "animal": "dog cat horse cow sheep goat pig bird elephant bear zebra giraffe lion tiger monkey rabbit fox wolf "
    "deer fish whale dolphin turtle snake frog lizard spider butterfly bee crocodile kangaroo panda camel",
    "vehicle": "car truck bus van motorcycle bicycle train airplane helicopter boat tractor tank rocket",
    "furniture": "chair bench sofa bed", "water": "river lake ocean waterfall pool fountain rain",
    "food": "pizza burger sandwich cake bread egg apple banana carrot broccoli donut",
    "fruit": "apple banana", "vegetable": "carrot broccoli", "drink": "coffee wine beer",
    "instrument": "guitar piano violin drum trumpet", "insect": "butterfly bee spider", "reptile": "turtle snake "
    "lizard crocodile", "room": "kitchen bathroom bedroom classroom", "building": "tower castle church stadium "
    "supermarket library hospital airport factory farm windmill", "tool": "hammer scissors knife ladder",
    "bag": "backpack handbag suitcase basket", "screen": "television computer phone", "tree": "forest",
}  # fmt: skip
_KIND_WORDS = {
    "person": "person people human figure individual someone somebody pedestrian player athlete performer dancer "
    "singer musician rider driver passenger cyclist worker crowd audience group family couple student teacher actor "
    "adult participant speaker spectator member he she his her him they",
    "animal": "animal creature pet wildlife beast", "vehicle": "vehicle traffic", "furniture": "furniture seat",
    "water": "water waves wave shore coast", "food": "food meal snack dessert ingredient", "fruit": "fruit",
    "vegetable": "vegetable", "drink": "drink beverage liquid", "instrument": "instrument", "insect": "insect bug",
    "reptile": "reptile", "room": "room interior", "building": "building house structure", "tool": "tool utensil",
    "bag": "bag", "screen": "screen monitor display device", "tree": "tree trees",
}  # fmt: skip

_COLOURS = {
    "red": "red crimson scarlet maroon burgundy reddish", "orange": "orange orangish",
    "yellow": "yellow golden gold blonde blond yellowish", "green": "green greenish olive lime emerald",
    "turquoise": "turquoise teal cyan aqua", "blue": "blue bluish navy azure", "purple": "purple violet lavender "
    "magenta indigo", "pink": "pink pinkish rose magenta", "brown": "brown brownish tan wooden chestnut",
    "beige": "beige cream tan khaki",
}  # fmt: skip
NEAR_COLOURS = {
    "red": "orange pink brown", "orange": "red yellow brown", "yellow": "orange beige", "green": "turquoise",
    "turquoise": "blue green", "blue": "turquoise", "purple": "pink", "pink": "purple red", "brown": "orange beige red",
    "beige": "brown yellow",
}  # fmt: skip

_ACTIONS = {
    "jump": "jump leap hop bounce vault", "run": "run sprint jog dash race gallop", "dance": "dance twirl waltz",
    "swim": "swim dive snorkel paddle", "climb": "climb scale ascend", "fall": "fall tumble collapse topple trip",
    "fly": "fly soar hover glide flap", "kick": "kick", "throw": "throw toss hurl fling pitch", "catch": "catch grab",
    "punch": "punch hit strike box fight", "hug": "hug embrace cuddle", "kiss": "kiss", "laugh": "laugh giggle chuckle",
    "cry": "cry weep sob", "sing": "sing chant", "sleep": "sleep nap doze", "drive": "drive steer",
    "ride": "ride cycle pedal", "cook": "cook fry bake grill roast boil stir", "eat": "eat chew bite devour feed",
    "drink": "drink sip gulp", "draw": "scribble draw sketch", "paint": "paint",
    "clap": "clap applaud", "wave": "wave", "bow": "bow", "kneel": "kneel crouch squat", "crawl": "crawl creep",
    "explode": "explode explosion detonate burst", "burn": "burn ignite", "skate": "skate", "bark": "bark",
    "salute": "salute", "shoot": "shoot", "dig": "dig shovel", "sweep": "sweep mop", "wash": "wash rinse scrub",
    "pray": "pray", "yawn": "yawn", "sneeze": "sneeze", "stumble": "stumble", "juggle": "juggle",
    "somersault": "somersault cartwheel backflip handstand",
}  # fmt: skip

NUMBERS = {
    "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12,
}  # fmt: skip
UNCOUNTED = frozenset(
    map(
        stem,
        word_set(
            "shot scene second minute hour part segment section clip view angle time moment phase stage step sequence "
            "cut keyframe of to quarter fold side line more people person individual object thing item"
        ),
    )
)
"""Stems of what a summary may count although no step does: parts of the video itself, time, unnamed things."""
MANY = frozenset(map(stem, ("several", "many", "multiple", "group", "crowd", "row")))
FILLER = frozenset(
    map(
        stem,
        word_set(
            """a an the this that these those of and or but to in on at from by with as is are was were be been being
            it its their his her he she they them him who which what while when where then than so such both each all
            some any no not only very more most much many several few other another same own into onto over under
            through across along around between behind before after during until throughout within without toward
            towards upon out up down off again also just still now here there first second third next later finally
            last initially eventually meanwhile begin start continue end conclude follow remain stay keep appear seem
            become get make take show feature depict present capture display reveal focus highlight suggest indicate
            convey emphasize create give provide include video clip scene shot footage sequence frame view viewer
            screen picture image camera moment time second part background foreground setting environment scenery left
            right top bottom centre center middle side front back one two three four five six seven eight nine ten
            multiple various different lot visible seen see look overall entire whole main throughout progress
            subsequently shortly afterwards gradually slowly slightly quickly can could may might would will has have
            had do does did"""
        ),
    )
)
"""Stems that say nothing of what is in a video, or that a summary adds by being one."""


def _by_stem(table: dict[str, str]) -> dict[str, frozenset[str]]:
    """Concepts by the stem of a word."""
    found: dict[str, set[str]] = {}
    for concept, words in table.items():
        for word in (concept, *words.split()):
            found.setdefault(stem(word), set()).add(concept)
    return {word: frozenset(concepts) for word, concepts in found.items()}


THINGS = _by_stem(_THINGS)
COLOURS = _by_stem(_COLOURS)
ACTIONS = _by_stem(_ACTIONS)
KINDS = _by_stem(_KIND_WORDS)
_KINDS_OF = {
    concept: frozenset(kind for kind, members in _KINDS.items() if concept in members.split()) for concept in _THINGS
}
ANIMALS = frozenset(_KINDS["animal"].split())
VEHICLES = frozenset(_KINDS["vehicle"].split())

# The names of the detector's classes that are no words of the table.
_LABELS = {"tv": "television", "laptop": "computer", "cell": "phone", "couch": "sofa"}


def things(stems: Iterable[str]) -> frozenset[str]:
    """The things that words name; "puppy" is a dog. A word with two meanings names both."""
    return frozenset().union(*(THINGS.get(one, frozenset()) for one in stems))


def kinds(stems: Iterable[str]) -> frozenset[str]:
    """The kinds of thing that words name: "creature" is an animal."""
    return frozenset().union(*(KINDS.get(one, frozenset()) for one in stems))


def kinds_of(concept: str) -> frozenset[str]:
    """What kinds a thing is of: a dog is an animal."""
    return _KINDS_OF.get(concept, frozenset())


@cache
def concept_of(label: str) -> str:
    """The thing, or the kind, that a label of the object detector stands for; "" where there is no word for it."""
    words = [_LABELS.get(word, word) for word in label.split()]
    named = sorted(things(map(stem, reversed(words)))) or sorted(kinds(map(stem, words)))
    return named[0] if named else ""


def words_for(word: str) -> frozenset[str]:
    """The words that can stand for one: those of its concepts, and the kinds of thing that it is. It may be in it."""
    one = stem(word)
    named = THINGS.get(one, frozenset())
    kinds = KINDS.get(one, frozenset())
    found = [words.split() for concept in named for words in (_THINGS[concept],)]
    found += [[kind, *_KINDS[kind].split()] for kind in kinds]
    found += [sorted(kinds_of(concept)) for concept in named]
    found += [_COLOURS[colour].split() for colour in COLOURS.get(one, ())]
    found += [_ACTIONS[action].split() for action in ACTIONS.get(one, ())]
    return frozenset(one for words in found for one in words)
