"""A little English: words that say nothing by themselves, common words by rank, and verbs with their forms.

The lists were written for this package. The ranks are approximate: they are there to tell a word that captions use far
more than other texts do, not to measure English.
"""

from __future__ import annotations

from functools import cache


def _split(words: str) -> list[str]:
    return words.split()


FUNCTION_WORDS = frozenset(
    _split("""
    a about above across after again against all along also although always am among an and another any anyone
    anything appear appears are around as aside at away back be because become becomes been before behind being
    below beneath beside besides between beyond both but by can cannot could did do does doing done don't down
    during each either else enough etc even ever every everyone everything few for from further had has have
    having he hence her here hers herself him himself his how however i if in indeed inside instead into is
    isn't it it's its itself just least less let like likely made make makes making many may maybe me might mine
    more moreover most much must my myself near neither never next no nobody none nor not nothing now of off
    often on once one only onto or other others our ours ourselves out outside over own part per perhaps please
    quite rather really same seem seems several shall she should since so some someone something sometimes soon
    still such than that that's the their theirs them themselves then there therefore these they thing things
    this those though through throughout thus till to together too toward towards under until up upon us very
    via was way we well were what when where whether which while who whole whom whose why will with within
    without would yes yet you your yours yourself two three four five first second third
""")
)

_BY_RANK = _split("""
    the of and to a in is that it was for on with as he be i his by at you are not this but had have from or
    they which one we all her she there would their were been has when who will no more if out so said what up
    its about into than them can only other new some could time these two may then do first any my now such like
    our over man me even most made after also did many before must through back years where much your way well
    down should because each just those people mr how too little state good very make world still own see men
    work long get here between both life being under never day same another know while last might us great old
    year off come since against go came right used take three states himself few house use during without again
    place around however home small found thought went say part once general high upon school every don't does
    got united left number course war until always away something fact water though less public put think almost
    hand enough far took head yet government system better set told nothing night end why called didn't eyes
    find going look asked later knew point next program city business give group toward young days let room word
    side social given present several order national possible rather second face per among form important often
    things looked early white case large four become need big within felt along children saw best church ever
    least power development light thing seemed family interest want members mind country area others done turned
    although open god service problem certain kind different thus began door help sense means whole matter times
    york itself law human line above name example action company local show five history gave whether body feet
    free anything black car field money keep seen sure past held major across special short red real book
    question words road behind age move table town making cut woman street play hands top front air blue green
    hair wall background ground food child building picture tree run walk hold turn bring leave stand sit begin
    start stop sun stone music color colour sky window chair floor horse dog girl boy king paper land sea ship
    river hill mountain bed fire glass foot arm leg voice story letter morning evening summer winter week month
    hour minute friend mother father brother sister wife son daughter teacher student doctor police army market
    price cost tax job art science language size shape view sound speed step machine oil iron gold wood cold hot
    warm dark bright heavy strong soft hard clear full empty quick slow simple close distance movement position
    moment continue remain reach follow hear feel believe speak read write learn grow draw fall win lose pay
    meet send build spend lead watch eat drink sleep pass pull push pick drop throw carry wear cover touch wait
    laugh smile cry kill die live love hope wish
""")

COMMON_PER_MILLION = {word: 1e5 / (rank + 2.7) for rank, word in reversed(list(enumerate(dict.fromkeys(_BY_RANK), 1)))}
"""How often a common word comes in a million words, if the law of Zipf and Mandelbrot holds for its rank."""

RARE_PER_MILLION = 10.0
"""What is assumed of every word that is not in the list."""

VERBS = frozenset(
    _split("""
    accelerate adjust aim appear applaud apply approach arrange arrive ask assemble attach attack balance beat
    begin bend bite blend blink block blow boil bounce bow break breathe bring brush build burn bury button buy
    call capture carry carve cast catch celebrate change chase chat check cheer chew chop circle clap clean
    climb close collect collide comb come connect continue cook cool cover crack crash crawl create cross crouch
    cry cut dance decorate demonstrate depict descend describe dig dip disappear discuss display dive do drag
    draw drift drink drip drive drop dry dump eat embrace emerge emphasize end enter erupt examine exit expand
    explain explode explore extend fade fall feed feel fight fill find finish fish fix flash flicker flip float
    flow fly focus fold follow freeze fry gallop gather gaze gesture get give glance glide glow go grab grasp
    greet grill grin grip groom grow guide hammer hang happen hear heat help hide highlight hike hit hold hop
    hover hug hunt hurry illuminate illustrate include indicate insert inspect interact introduce inspire jog
    join juggle jump keep kick kiss kneel knit knock lay lead lean leap learn leave lie lift light listen load
    look lower manoeuvre maneuver march meet melt mix move nod observe occur offer open operate overlook pace
    pack paddle paint pan pass pat pause pay pedal peek peel perform pet pick pitch place plant play plunge
    point pose pour pray prepare present press proceed progress prune pull punch push put race rain raise reach
    read recede record reflect relax release remain remove repair repeat replace rest return reveal ride rinse
    rise roam roast roll rotate row rub run rush sail salute scan scatter scoop scrape scratch scream scroll
    scrub seal search see serve set sew shake shape shave shift shine shoot shout show shuffle signal sing sip
    sit skate sketch ski slice slide slow smell smile smoke snap snow soar sort spark speak speed spin splash
    spray spread sprinkle squat squeeze stack stand stare start stay steam steer step stir stop stretch stroke
    stroll struggle suggest surf surround suspend sway sweep swim swing talk tap taste tear tell test throw tie
    tilt toss touch tow trace train transform transition travel trim trot try turn twirl twist type unfold
    unload unwrap use vanish visit wade wait wake walk wander warm wash watch wave wear weave weigh whisk
    whisper win wink wipe wobble work wrap wrestle write yawn zoom
""")
)

OFTEN_NOUNS = frozenset(
    _split("""
    block bow brush button call cast catch chat check circle clean close comb cook cool cover crack crash cross
    crowd cut dance display dive drag drift drink drop dry end fight fish fix flash float focus fold grill grip
    guide hammer hit hold hug jump kick kiss lead lie light lower mix open pack paddle paint pan pass pat pause
    pet pick pitch place plant play point pose present press progress punch race rain record release repair rest
    return ride ring roast roll row rub rush sail scratch seal set shape shift shine show signal skate sketch
    ski slice slide slow smile smoke snap snow sort spark speed spin splash spray spread squat stack stand start
    step stop stretch stroke surf swing talk tap taste tear test tie tilt touch tow trace train transition try
    turn twist type use visit wait walk warm wash watch wave work zoom
""")
)
"""Verbs whose plain form is as often another kind of word: only their forms in -ing and -ed are counted, and irregular
ones. The ones that mostly act in captions are let through below."""

ACTIONS = frozenset(_split("hold jump pan play ride stand start stop tilt turn walk watch zoom"))

IRREGULAR = dict(
    pair.split(":")
    for pair in _split("""
    began:begin begun:begin bent:bend bit:bite bitten:bite blew:blow blown:blow broke:break broken:break
    brought:bring built:build bought:buy caught:catch came:come did:do done:do drew:draw drawn:draw drank:drink
    drove:drive driven:drive ate:eat eaten:eat fell:fall fallen:fall fed:feed felt:feel fought:fight found:find
    flew:fly flown:fly froze:freeze frozen:freeze got:get gave:give given:give went:go gone:go grew:grow
    grown:grow hung:hang heard:hear hid:hide hidden:hide held:hold kept:keep knelt:kneel laid:lay led:lead
    leapt:leap lay:lie lying:lie lit:light met:meet paid:pay ridden:ride rode:ride rose:rise risen:rise ran:run
    sang:sing sung:sing sat:sit saw:see seen:see sewn:sew shook:shake shaken:shake shone:shine
    shown:show slid:slide spoke:speak spoken:speak sped:speed spun:spin stood:stand swam:swim swum:swim
    swept:sweep swung:swing tore:tear torn:tear told:tell threw:throw thrown:throw tying:tie woke:wake wore:wear
    worn:wear wove:weave woven:weave won:win wrote:write written:write
""")
)


@cache
def verb_of(word: str) -> str | None:
    """The verb that a word is a form of, by its suffix; None when it is no form of a verb in ``VERBS``."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    base = next((base for base in (word, *_bases(word)) if base in VERBS), None)
    unsure = base in OFTEN_NOUNS - ACTIONS and not word.endswith(("ing", "ed"))
    return None if unsure else base


def _bases(word: str) -> list[str]:
    """What may be left of a word without its ending: walk(s), go(es), carr(ies), dance(d), stop(ping)."""
    if word.endswith(("ies", "ied")):
        return [word[:-3] + "y", word[:-1]]
    if word.endswith("ing"):
        return _stems(word[:-3])
    if word.endswith("ed"):
        return _stems(word[:-2])
    return [word[:-1], word[:-2]] if word.endswith("es") else [word[:-1]] if word.endswith("s") else []


def _stems(stem: str) -> list[str]:
    doubled = len(stem) > 2 and stem[-1] == stem[-2]
    return [stem, stem + "e", *([stem[:-1]] if doubled else [])]
