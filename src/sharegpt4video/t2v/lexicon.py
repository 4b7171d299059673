"""English words by what they do in a caption's sentences. Word lists only."""

from __future__ import annotations

from ..captioner.nouns import COLOURS as _COLOURS
from ..vlm.embedded.words import word_set

DETERMINERS = word_set(
    """
    a an the his her its their my our your this that these those two three four five six seven eight nine ten
    several many some each every another both one any
    """
)
ARTICLES = word_set(
    """
    a an the his her its their this that these those another each every
    """
)
PREPOSITIONS = word_set(
    """
    of in on at to from by with into onto over under above below between among behind beside beneath near next
    toward towards for off out up down through across along around before after against inside outside within
    without throughout during amid amidst past upon underneath alongside via like as per despite
    """
)
PARTICLES = word_set(
    """
    behind inside outside around above below up down out off over along past
    """
)
"""Prepositions that may stand without a noun: "the man behind reacts"."""
FUNCTION = (
    DETERMINERS
    | PREPOSITIONS
    | word_set(
        """
    and or but nor so yet while when where which who whose whom if than then there here it he she they we you i
    him them us not no only also still just even is are was were be been being am has have had does do did can
    could will would may might must should as until because although though whereas what how all more most less
    """
    )
)
PLURALS = word_set(
    """
    they who that which people men women children two both all
    """
)
"""Words before a verb without an ending that make it finite."""
AUXILIARIES = word_set(
    """
    is are was were has have had does do did can could will would may might must should there's it's he's she's
    that's there’s it’s he’s she’s that’s don't doesn't isn't aren't
    """
)
LINKING = word_set(
    """
    is are was were be been being seem seems seemed appear appears appeared remain remains remained become
    becomes became look looks looked feel feels stay stays keep keeps get gets turn turns grow grows make makes
    more most very too so less it's he's she's there's it’s he’s she’s there’s stand stands sit sits lie lies
    rest rests
    """
)

VERBS = word_set(
    """
    accelerate add adjust advance aim align allow alter alternate announce answer appear applaud applies apply
    approach arrange arrive ask assemble assist attach attempt bake balance bark bat be beat become begin bend
    bite blend blink blow board boil bounce bow break breathe bring browse brush build bump burn burst buy call
    capture carry carve cast catch celebrate change charge chase chat check cheer chew chop circle clap clasp
    clean clear click climb close collapse collect collide come comb combine communicate compare compete
    complete concentrate conclude connect consist contain continue contrast convey cook count cover crash crawl
    create crochet cross crouch crumble cry culminate cut dance dart decelerate decorate decrease deliver
    demonstrate depart depict descend describe dig dim dip direct disappear discuss display dissolve dive divide
    drag draw dress drift drill drink drive drop dry duck edit eat elevate emerge emphasize employ empty
    encounter end engage enhance enter erupt escape evoke evolve examine exchange execute exhale exhibit exit
    expand explain explode explore extend face fade fall feature feed fight fill film finish fire fish fit fix
    flap flash flex flick flicker flip float flow fly focus fold follow form frame fry gather gaze gesture get
    give glance glide go grab grasp greet grill grin grip grow guide hammer hand hang happen haul have head help
    hide highlight hit hold hop host hover hug hurry ignite illuminate illustrate immerse impact include
    increase indicate inhale initiate insert inspect interact introduce involve iron jog join juggle jump kick
    kiss kneel knit knock land laugh launch lay lead lean leap learn leave let lick lie lift light line listen
    load look lower maintain make maneuver manipulate march mark measure meet melt merge mix moor mount move
    narrate navigate nod note observe occupy occur offer open operate orient pack paddle paint pan park pass pat
    pause pay pedal peek peel perform perch pick pierce pile pitch place plant play plunge point polish pop pose
    position pour practice praise prepare present press proceed produce progress protrude provide pull punch
    push put race raise react reach read rearrange receive recede recite record redirect reflect release remain
    remove repeat replace reply resemble respond rest resume retain retract return reveal reverse ride ring
    rinse rise roam roll rotate row rub run rush sail salute sand saw say scan scatter scoop score scratch
    scrape scream scroll scrub search seat see seem select sell send separate serve set settle sew shake shape
    share shave shift shine shoot shop shout show showcase shrink shrug shut shuffle signal sing sink sip sit
    skate skateboard sketch ski skip slam slap sleep slice slide slip slow smash smell smile smoke snap sneeze
    sniff snow soar solder sort speak speed spin splash split spot spray spread spring sprint squat squeeze
    stack stand stare start state stay steer step stick stir stomp stop strap stretch stride strike stroke
    stroll struggle study stumble suggest support surf surround suspend sway sweep swerve swim swing switch
    symbolize tackle take talk tap taste teach tear tell test throw thrust tie tilt tip toast toss touch tour
    tow trace track trade train transform transition travel tremble trim trip trot try tuck tumble turn twirl
    twist type unfold unfurl unroll unveil unwrap use utilize vacuum vanish vary view visit wag wait wake walk
    wander warm wash watch water wave wear weave weigh weld whip whisk whisper widen wield win wink wipe wobble
    work wrap wrestle write yawn yell zip zoom attend await bathe blur bubble clutch converse crack crank curl
    dangle dribble dunk edge flutter gallop graze hoist hurl inflate intensify juxtapose loom mimic mow nestle
    overlay overtake peck peer plow pluck pounce preen prod prune recline reel refill reposition scale scurry
    shatter shove shred skim slash slither slump snuggle spill sprinkle squirt stagger stain stamp steady stitch
    straighten submerge swap swipe swirl teeter thread tighten trail trickle trudge tug unscrew untie unzip
    vault veer wade waddle whirl wiggle wriggle adorn invite exude glisten filter glow gleam stream rustle
    shimmer embody bloom animate echo cascade sparkle lap ascend enjoy cause bind craft emit block fail steam
    billow obscure soak arch twinkle perk ripple embrace savor engross pulsate lose twitch stud admire
    silhouette snatch dash keep do secure envelop bear tick freeze handle match clink control style strum
    imagine dazzle find assume survey withdraw hook darken identify shield center gain harmonize refresh caress
    undulate prevent surge dodge retrieve intercept don extinguish intertwine etch lock crunch soften clench
    pinch fiddle attack hear layer retreat drizzle confirm update groom morph wheel brake expose persist anchor
    huddle evade poke relax miss nudge embroider delay snip reappear radiate brighten seal revert deploy
    participate traverse achieve absorb disturb forget flit purr rumble vibrate bundle bask cruise drench mingle
    crush notice surrender dismount pant argue activate manage unlock witness propel brace startle adopt strip
    detach fasten disperse transfer eliminate waft ignore sustain near abandon extract taper overlook cling
    boast haunt cradle flare distort buzz churn frighten gasp sigh shed dine fling flail revolve stuff rummage
    experience choose penetrate seize act invert rev undergo skid drain avoid oppose disembark taxi destroy
    defend save halt congregate target lunge unleash diminish address construct document live slant erode
    converge hush rake nuzzle munch crease splay hobble flee drown duel enlarge fetch flank flop free gift gnaw
    hatch hunt intervene jostle lasso limp loosen meditate mourn nap nibble obey oversee patrol pin plead prance
    pray protest prowl quiver quarrel ram refuse repair rescue restrain rip saddle scare scold shelter shiver
    shovel sled slouch slurp smear snarl sob sprout stab stalk steal stoop strangle strain stray strut subdue
    suck swat sweat swoop tease threaten thrash topple trample trap unpack unravel urge vomit weep wince wrench
    tense broaden dominate drape dwindle
    """
)
NOT_VERBS = word_set(
    """
    hands faces plants lights lines frames marks notes windows colors views states
    """
)
"""Forms that are nouns more often than verbs in captions; they count as verbs after a pronoun only."""
PARTICIPLES_ONLY = word_set(
    """
    dressed seated positioned adorned surrounded covered filled called labeled labelled decorated made set
    located clad titled named situated placed marked lined equipped mounted parked attached arranged scattered
    displayed stacked
    """
)
PAST = word_set(
    """
    went ran sat stood held wore came fell flew drove rode swam threw caught took gave began rose spoke spun ate
    drank wrote shot cut left put led met lay knelt leapt swung slid shook struck drew grew hid shone sang blew
    broke
    """
)

NOT_GERUNDS = word_set(
    """
    morning evening building clothing lighting railing ceiling string king something nothing anything everything
    during wing ring thing spring being sling sibling flooring awning wedding swing opening ending painting
    drawing setting meeting dwelling landing interesting surrounding following seating writing lettering
    branding
    """
)
COMMENTARY = word_set(
    """
    suggesting indicating implying hinting emphasizing emphasising highlighting underscoring conveying
    reflecting creating enhancing providing contributing evoking signifying symbolizing symbolising reinforcing
    allowing offering illustrating showcasing demonstrating capturing lending ensuring encapsulating maintaining
    signaling signalling complementing affirming confirming contrasting drawing giving adding making setting
    clarifying detailing distinguishing exemplifying keeping preserving retaining representing establishing
    embodying accentuating fostering evidencing denoting exuding rendering aligning marking narrating inviting
    portraying anchoring signposting reminding
    """
)
"""Participles that begin what a caption says about itself: what something suggests, emphasizes or adds."""
DESCRIBING = word_set(
    """
    featuring wearing dressed adorned surrounded covered filled including containing consisting resembling
    displaying depicting positioned located situated made marked characterized characterised equipped decorated
    accompanied having sporting clad complete visible possibly likely presumably perhaps potentially such framed
    set flanked lined illuminated lit bathed topped seated labeled labelled titled painted designed named known
    reminiscent typical akin similar colored coloured mounted composed comprising bordered dotted draped
    supported arranged attached placed evident indicative especially particularly notably though albeit
    """
)
"""Words that begin what describes a thing: what it wears, holds, is made of or looks like."""
STANCES = word_set(
    """
    standing sitting lying hanging resting remaining falling leading extending stretching reading
    """
)
"""Participles after a noun that say how it is rather than what it does."""
SAYING = word_set(
    """
    suggest suggests indicate indicates imply implies hint hints emphasize emphasizes highlight highlights
    underscore underscores convey conveys reflect reflects create creates enhance enhances contribute
    contributes evoke evokes add adds illustrate illustrates establish establishes reinforce reinforces
    symbolize symbolizes demonstrate demonstrates serve serves ensure ensures encapsulate encapsulates allow
    allows give gives provide provides offer offers lend lends
    """
)
STANDING = (
    SAYING
    | LINKING
    | word_set(
        """
    presents focuses depicts captures maintains continues showcases features revolves centers
    """
    )
)
"""Verbs with which a sentence about the mood, or about the video itself, tells nothing that happens."""
MOOD_NOUNS = word_set(
    """
    atmosphere mood tone ambiance ambience feel feeling aesthetic narrative style theme composition impression
    vibe essence emphasis visuals sense message quality aesthetics storytelling cinematography
    """
)
SETTING_NOUNS = word_set(
    """
    background backdrop setting environment surroundings scenery landscape room wall walls floor ceiling sky
    weather lighting light foreground ground decor furniture horizon trees buildings location interior exterior
    clouds shelves venue arena sunlight shadows shadow terrain vegetation foliage windows
    """
)
CAMERA_NOUNS = word_set(
    """
    camera angle perspective viewpoint shot framing close-up closeup lens cameraman
    """
)
CAMERA_VERBS = word_set(
    """
    pan pans panning tilt tilts tilting zoom zooms zooming dolly dollies dollying tracks truck trucks pedestals
    """
)
STAYING = word_set(
    """
    remain remains stay stays maintain maintains keeps continues
    """
)
UNCHANGED = word_set(
    """
    consistent unchanged constant stable same static stationary still fixed uniform undisturbed unchanging
    unaltered identical steady motionless continuous
    """
)
ORDER = word_set(
    """
    initially then next finally subsequently afterwards afterward meanwhile eventually first later lastly
    thereafter soon second third simultaneously suddenly beginning
    """
)

_MOOD = """
    beautiful serene tranquil peaceful calm dramatic vibrant vivid lively dynamic picturesque stunning
    breathtaking cozy cosy warm inviting cheerful whimsical majestic elegant graceful charming idyllic
    mesmerizing captivating engaging striking nostalgic romantic mysterious eerie moody cinematic atmospheric
    intimate festive rustic playful relaxed casual joyful energetic intense notable significant subtle
    noticeable distinct distinctive prominent overall general particular specific various coherent comprehensive
    meticulous detailed intricate clear discernible visible evident consistent continuous constant steady
    ongoing typical expressive remarkable impressive bustling modern contemporary traditional professional
    stylish sleek crisp focused vigorous animated persistent immersive lush rich harmonious delicate gentle soft
    pristine ambient vast quiet perfect classic rugged ethereal surreal pure grand faint bold raw unique
    sophisticated shimmering silent precise earthy solitary everyday enchanting neutral verdant exquisite
    untouched brilliant stark soothing streamlined fluid keen deliberate refined radiant dreamy fleeting
    swirling sweeping sparkling carefree leisurely timeless sunlit slight rapid swift brief unexpected
    surprising great quaint cool thorough immediate minor
"""
_LOOKS = """
    large small big tiny huge massive tall short long wide narrow thin thick slim broad round square rectangular
    circular cylindrical conical spherical triangular oval flat curved straight curly wavy wooden metal metallic
    plastic glass stone brick concrete leather woolen cotton shiny glossy matte smooth rough textured striped
    checkered plaid patterned floral dotted polished rusty dusty dirty clean wet dry bright dark light pale deep
    dim blurry blurred colorful colourful golden silver silvery blonde blond brunette bald bearded gray grayish
    reddish bluish yellowish greenish turquoise teal navy maroon crimson tan cream ivory khaki violet magenta
    cyan young old older elderly middle-aged adult muscular athletic fluffy furry spotted decorative ornate
    simple plain minimalist vintage antique rural urban residential grassy snowy sandy rocky leafy dense sparse
    overcast cloudy sunny foggy misty starry formal heavy lightweight sharp soft sturdy elongated uneven lively
    facial solid sleeveless long-sleeved short-sleeved oversized transparent translucent little distant fresh
    potted azure plush elevated jagged rainy plump muted chestnut slender icy creamy emerald ancient coastal
    ripe juicy loose compact glowing pixelated frozen dappled scattered handwritten hot cold adjacent nearby
    underwater colored coloured crumpled worn weathered
"""
MOOD = word_set(_MOOD)
LOOKS = word_set(_LOOKS) | _COLOURS
COLOURS = _COLOURS | word_set(
    """
    golden silver blonde blond turquoise teal navy maroon crimson tan cream gray
    """
)
ADJECTIVE_ENDINGS = (
    "ful", "ous", "ive", "less", "ish", "able", "ible", "ic", "ical", "-colored", "-coloured", "-like", "-sized",
    "-style", "-sleeved", "-lit", "-looking", "-shaped", "-haired", "-patterned", "-framed",
)  # fmt: skip
NOT_ADJECTIVES = word_set(
    """
    music public topic fabric traffic logic magic graphic mechanic clinic picnic plastic mosaic relic table
    cable vegetable vehicle collective relative native detective motive archive olive drive dive live hive five
    fish dish rubbish finish polish english spanish republic statistic critic comic arctic garlic panic mimic
    relish extinguish swish blemish varnish tunic turmeric furnish vanish publish accomplish handful spoonful
    executive locomotive metric fable marble bible variable representative perspective narrative cosmetic
    ceramic
    """
)
KEPT_ADJECTIVES = word_set(
    """
    other same first second third fourth last next new single only own different left right top bottom upper
    lower front rear middle central opposite several multiple many few empty closed open unfinished fake false
    toy artificial broken former latter previous following additional more half main whole entire such certain
    possible potential apparent alleged invisible dead missing
    """
)
"""Adjectives without which a statement would say something else."""
KEPT_ADVERBS = word_set(
    """
    only family early nearly barely hardly scarcely partially partly possibly probably apparently seemingly
    likely unlikely rarely occasionally presumably supposedly allegedly potentially fly apply reply supply rely
    belly ally assembly butterfly jelly lily bully italy july holy ugly silly lovely friendly lively lonely
    elderly orderly curly chilly hilly bubbly daily weekly monthly costly deadly homely anomaly initially
    finally subsequently eventually simultaneously lastly previously formerly firstly secondly thirdly shortly
    suddenly immediately fully multiply comply imply dragonfly solely exclusively mostly mainly largely
    primarily predominantly briefly newly roughly approximately firefly grizzly ply sly woolly scholarly
    """
)
TAKES_WITH = word_set(
    """
    begins begin starts start opens open ends end concludes culminates filled covered adorned interacting
    interact interacts engaging engage engages associated marked aligning starting beginning along together
    plays play playing complete coupled paired mixed lined decorated equipped dealing deals fitted connected
    combined contrasts contrasting familiar consistent synchronized topped shared shares struggles struggling
    fight fights fighting replaced presented provided loaded laden teeming populated surrounded juxtaposed
    compared up away done contact interaction interactions engagement continues continue proceeds blends merges
    aligns aligned camera sprayed dusted wrapped tied is are was were be being remains keeps
    """
)
"""Words after which "with" begins something that cannot be left out."""
