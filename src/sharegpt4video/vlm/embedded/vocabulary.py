"""Word lists for analysing prompts; the rules are in ``prompt``."""

from __future__ import annotations

from .words import word_set

FRAMES = (
    "video",
    "videos",
    "clip",
    "footage",
    "shot",
    "scene",
    "film",
    "movie",
    "animation",
    "timelapse",
    "close-up",
    "close up",
)

# Camera verbs (every form a prompt uses) and the words that must follow before they are about the camera.
_TURNS = ("in", "out", "on", "into", "slowly", "quickly", "smoothly", "gently", "towards", "toward", "away")
_WAYS = (
    *_TURNS,
    "left",
    "right",
    "up",
    "down",
    "across",
    "over",
    "to",
    "from",
    "around",
    "along",
    "forward",
    "back",
    "backward",
)
_STEMS = {
    "zoom": ("zoom", "zooms", "zooming"),
    "pan": ("pan", "pans", "panning"),
    "tilt": ("tilt", "tilts", "tilting"),
    "dolly": ("dolly", "dollies"),
    "orbit": ("orbit", "orbits", "orbiting"),
}
CAMERA_VERBS: dict[str, tuple[str, ...]] = {
    form: (_TURNS if stem == "zoom" else _WAYS) for stem, forms in _STEMS.items() for form in forms
}

# What a camera does when the phrase names it: "camera orbits around it", "the camera moving forward".
CAMERA_ACTIONS = word_set(
    "pans panning tilts tilting zooms zooming moves moving pushes pushing pulls pulling follows following tracks "
    "tracking orbits orbiting circles circling rotates rotating rolls rolling rises rising descends descending sinks "
    "flies flying glides gliding dollies dollying trucks trucking cranes craning shakes shaking sways swaying drifts "
    "drifting sweeps sweeping is stays remains holds"
)

CAMERA_NOUNS = (
    "shot", "drone shot", "tracking shot", "close-up", "closeup", "slow motion", "slow-motion", "wide angle",
    "low angle", "high angle", "aerial view", "bird's-eye view", "birds-eye view", "top view", "side view",
    "front view", "rear view", "back view",
    "top-down view", "first-person view", "pov", "handheld camera", "hand-held camera", "handheld", "hand-held",
    "static camera", "fixed camera", "timelapse", "time-lapse", "time lapse", "slow zoom", "slow pan", "zoom in",
    "zoom out", "shallow depth of field", "depth of field", "macro lens", "wide-angle lens", "camera angle",
    "camera movement", "bokeh",
)  # fmt: skip

STYLE_WORDS = word_set(
    "cinematic 4k 8k hd uhd hdr 1080p anime cartoon cartoonish realistic photorealistic hyperrealistic ultrarealistic "
    "photo-realistic hyper-realistic ultra-realistic surreal vintage retro noir monochrome watercolor watercolour "
    "pixel pixar ghibli cgi 3d 2d stylized minimalist minimalistic dramatic moody cyberpunk steampunk masterpiece "
    "high-quality detailed ultra-detailed high-resolution epic artstation octane unreal impressionist "
    "impressionistic painterly claymation stop-motion art engine film grain grainy"
)
STYLE_PHRASES = ("black and white", "black-and-white", "black & white", "golden hour", "blue hour", "low light")
STYLE_ENDINGS = word_set("style quality resolution lighting render rendering aesthetic grading animation")

PREPOSITIONS = word_set(
    "in on at under over near beside behind by through across along around inside outside above below between among "
    "against into onto from with without during before after toward towards beneath upon amid within while as"
)

PRONOUNS = word_set("it he she they there that we you")

DETERMINERS = word_set(
    "a an the this that these those some many several few no one two three four five six seven eight nine ten my your "
    "his her its our their each every both another"
)

NOT_PARTICIPLES = word_set(
    "morning evening building painting lightning ceiling clothing wedding spring string thing king ring wing swing "
    "nothing something everything pudding sibling duckling dumpling earring lighting"
)

# Nouns that a prompt often begins with and that need an article in a sentence.
COUNTABLE = word_set(
    "person man woman boy girl child baby kid dog cat puppy kitten bird horse cow elephant bear zebra giraffe panda "
    "fox wolf lion tiger rabbit robot astronaut dragon car truck bus train boat ship airplane plane bicycle motorcycle "
    "chef dancer knight wizard monkey turtle shark whale dolphin eagle owl butterfly bee spider castle"
)

FINITE_VERBS = word_set(
    "is are was were have runs walks sits stands jumps plays dances flies swims eats drinks looks sleeps lies "
    "drives rides moves goes comes talks speaks sings smiles laughs holds wears carries throws catches kicks opens "
    "closes falls rises floats shines burns grows turns spins waves chases climbs crosses enters leaves reads writes "
    "cooks cuts pours makes takes gives puts watches stares crashes explodes melts transforms appears disappears "
    "barks begins starts stops follows shows sees hunts fights blows flows glides rolls"
)

FOREIGN_WORDS = word_set(
    "un une le les des du et est dans sur avec qui el los las una con por que der das ein eine einen und im ist auf "
    "mit dem gli di della che uno um uma não na het een og jest"
)
