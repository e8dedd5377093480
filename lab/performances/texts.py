"""Sentences to speak, written for this package, rich in lip contacts and lip rounding. Keys are espeak-ng languages."""

import numpy as np

SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "Please bring my blue umbrella before the big storm moves by.",
        "Bob bought a pumpkin pie and a cup of warm milk for his mother.",
        "Five brave women found a very old violin above the river.",
        "The quick brown fox jumps over the lazy dog, while seven wizards watch.",
        "Who would have thought that a young mouse could move through the house so quietly?",
        "She sells fresh fish, cheese and sugar in a shop near the church.",
        "My name is written in every picture that I make.",
        "Open the window, please, and let some warm air into the room.",
        "We measured the temperature of the water both before and after breakfast.",
        "People in the village often speak about the weather, but nobody changes it.",
        "Could you put the yellow boots under the wooden table by the door?",
        "A group of pupils from Boston performed a beautiful piece of music.",
        "I believe the problem may be simple, but the proof is probably not.",
        "Thank you very much for coming, and have a pleasant journey home!",
        "Father and brother took the thin path through the thick forest.",
        "The judge enjoyed orange juice with his usual porridge.",
        "Why do you always wear white when we go to the opera?",
        "Nothing is more important than being honest about what you are.",
        "Maybe tomorrow we may meet at the museum of modern art.",
        "Watch out! There is a huge bump in the middle of the road.",
        "No computer can promise you that a portrait speaks the truth.",
        "Today's numbers are a little better than those of last month.",
        "He put a penny in the box, made a wish, and vanished.",
        "The view from above the valley was even more impressive than the film.",
    ),
    "de": (
        "Bitte bringen Sie mir morgen früh ein Stück Apfelkuchen mit Sahne.",
        "Meine Mutter möchte im Sommer über die Berge bis nach Italien fahren.",
        "Das Bild auf der Bühne bewegt sich, aber niemand hat es gemalt.",
        "Fünf mutige Frauen wollten wissen, wie man ein Boot baut.",
        "Öffne das Fenster, es ist viel zu warm in diesem Zimmer.",
        "Vielleicht kommt der Bus um halb sieben am Marktplatz vorbei.",
    ),
    "es": (
        "Por favor, abra la ventana antes de que empiece a llover.",
        "Mi hermano mayor vive en un pueblo pequeño cerca del mar.",
        "Nadie sabe bien cuándo empezó a hablar el viejo retrato.",
        "Compramos pan, leche, huevos y un poco de jamón para mañana.",
        "La música de la banda se oye muy bien desde la plaza.",
        "Busco un libro sobre pintores famosos de Venecia y Bolonia.",
    ),
    "fr": (
        "Bonjour madame, pouvez-vous ouvrir la porte, s'il vous plaît ?",
        "Mon père a peint un beau portrait de ma mère pendant l'hiver.",
        "Nous avons bu un bon vin rouge au bord de la rivière.",
        "Personne ne peut prouver que cette image a vraiment bougé.",
        "Le musée ouvre plus tôt le vendredi et ferme vers huit heures.",
        "Un jeune homme du village voulait jouer du violon tous les jours.",
    ),
    "it": (
        "Buongiorno, vorrei parlare con il professore di pittura, per favore.",
        "Mia mamma prepara sempre un buon piatto di pasta al pomodoro.",
        "Il vecchio pittore abitava vicino al ponte sopra il fiume.",
        "Possiamo vedere un film molto bello domani sera?",
    ),
    "pt": (
        "Bom dia, eu queria um pouco de pão e um copo de água, por favor.",
        "Minha mãe comprou uma blusa branca para a festa de sábado.",
        "O museu fica perto da ponte, em frente ao velho porto.",
        "Ninguém pode provar que o homem do retrato falou.",
    ),
    "nl": (
        "Mag ik morgen een boek over oude schilders bij u lenen?",
        "De buurvrouw brengt elke week verse bloemen voor mijn moeder mee.",
        "Wij wilden weten wie de mooie brug over de rivier bouwde.",
        "Het weer was beter dan wij vooraf hadden verwacht.",
    ),
    "sv": (
        "Min mamma bakade en god äppelpaj med mycket vispgrädde.",
        "Vi vill bygga en ny bro över ån före vintern.",
        "Museet öppnar klockan åtta och stänger när publiken går hem.",
        "Ingen vet vem som målade bilden av den unga flickan.",
    ),
    "pl": (
        "Proszę mi powiedzieć, gdzie mogę kupić bilet na pociąg.",
        "Moja mama piecze pyszne ciasto z jabłkami w każdą sobotę.",
        "W muzeum wisi bardzo stary portret młodego muzyka.",
        "Być może jutro będzie padał deszcz, ale pójdziemy na spacer.",
    ),
    "cs": (
        "Prosím vás, můžete mi ukázat cestu k mostu přes řeku?",
        "Moje maminka upekla výborný jablečný koláč pro babičku.",
        "Ve staré budově muzea visí podobizna mladého muže.",
        "Možná bude večer pršet, vezmi si s sebou deštník.",
    ),
    "fi": (
        "Hyvää päivää, voisitteko avata ikkunan, kiitos?",
        "Minun äitini leipoo joka lauantai maukasta omenapiirakkaa.",
        "Museon vanha muotokuva puhuu vain, kun kukaan ei kuuntele.",
        "Puheen voima on pienissä liikkeissä ja pitkissä vokaaleissa.",
    ),
    "tr": (
        "Lütfen bana büyük müzenin nerede olduğunu söyler misiniz?",
        "Annem her pazar bize çok güzel bir pasta yapıyor.",
        "Bu portrenin konuştuğuna kimse inanmak istemiyor.",
        "Yarın belki yağmur yağar, şemsiyeni yanına almayı unutma.",
    ),
    "hu": (
        "Kérem, mutassa meg, merre van a múzeum bejárata.",
        "Az öreg festő a folyó melletti kis házban lakott.",
        "Édesanyám minden vasárnap finom almás süteményt süt.",
        "Senki sem tudja, mikor mozdult meg először a kép.",
    ),
    "ru": (
        "Пожалуйста, откройте окно, здесь очень жарко.",
        "Моя мама печёт вкусный пирог с яблоками по воскресеньям.",
        "Старый художник жил в маленьком доме у большого моста.",
        "Никто не может доказать, что портрет умеет говорить.",
    ),
    "el": (
        "Παρακαλώ, μπορείτε να μου πείτε πού είναι το μουσείο;",
        "Η μητέρα μου φτιάχνει πολύ καλή πίτα με μήλα.",
        "Ο παλιός ζωγράφος έμενε κοντά στη γέφυρα του ποταμού.",
    ),
    "id": (
        "Selamat pagi, boleh saya minta sepiring nasi dan segelas air putih?",
        "Ibu saya membuat kue apel yang enak sekali setiap hari Minggu.",
        "Tidak ada yang tahu siapa pelukis gambar perempuan muda itu.",
    ),
    "sw": (
        "Habari za asubuhi, ninaomba maji ya kunywa na mkate, tafadhali.",
        "Mama yangu anapika chakula kizuri sana kila Jumapili.",
        "Hakuna mtu anayejua nani alichora picha ya mwanamke yule.",
    ),
}


def sentence(language: str, rng: np.random.Generator) -> str:
    """Something to say in `language`: a sentence as written, with its words shuffled, or with numbers read out."""
    known = SENTENCES[language]
    text = known[rng.integers(len(known))]
    kind = rng.random()
    if kind < 0.45:
        other = known[rng.integers(len(known))]
        words = [w.strip(".,;!?") for w in (text + " " + other).split()]
        rng.shuffle(words)
        words = words[: rng.integers(6, 15)]
        cut = rng.integers(2, len(words))
        text = " ".join(words[:cut]) + ", " + " ".join(words[cut:]) + "."
    elif kind < 0.6:
        numbers = ", ".join(str(n) for n in rng.integers(0, 10 ** rng.integers(1, 6), rng.integers(3, 7)))
        text = numbers + "."
    return text


GRID: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter.upper() for letter in "abcdefghijklmnopqrstuvxyz"},
    {"z": "zero", "1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six"}
    | {"7": "seven", "8": "eight", "9": "nine"},
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)
"""Words of the GRID corpus, by place and letter (Cooke et al. 2006, table I)."""


def grid_sentence(stem: str) -> str:
    """What is said in a film of the GRID corpus, by the last six letters of its name: "s1_bbaf2n" -> "bin blue at F two
    now"; "" where a name is none."""
    code = stem.rsplit("_", 1)[-1]
    if len(code) != len(GRID) or any(letter not in words for letter, words in zip(code, GRID, strict=True)):
        return ""
    return " ".join(words[letter] for letter, words in zip(code, GRID, strict=True))
