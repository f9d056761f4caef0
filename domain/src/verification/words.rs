//! What a person is told who is asked to confirm, in the languages in which it was written. The link leads to a page on
//! which the person can also say that they asked for nothing.

/// The words in one language.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfirmationWords {
    /// ISO 639-1.
    pub language: &'static str,
    /// The subject of a mail, and the title of the page.
    pub subject: &'static str,
    /// Before the code.
    before_code: &'static str,
    /// Between the code and the link.
    before_link: &'static str,
    /// Behind the link.
    denial: &'static str,
    /// The page's question.
    pub question: &'static str,
    /// The button that confirms.
    pub yes: &'static str,
    /// The button by which the person withdraws.
    pub no: &'static str,
    /// The person has confirmed.
    pub confirmed: &'static str,
    /// The person has withdrawn.
    pub withdrawn: &'static str,
    /// The link lacks something.
    pub incomplete: &'static str,
    /// The link names nothing.
    pub unknown: &'static str,
    /// The link came too late.
    pub expired: &'static str,
    /// Something broke.
    pub failed: &'static str,
}

const ENGLISH: ConfirmationWords = ConfirmationWords {
    language: "en",
    subject: "Please confirm your request",
    before_code: "You asked to be contacted. Your code is",
    before_link: "Give it where you were asked for it, or open",
    denial: "If it was not you, open the link and say so: your details are then deleted, and nobody contacts you.",
    question: "Somebody asked to be contacted with your details. Was it you?",
    yes: "Yes, I asked for this",
    no: "No, I did not ask for this",
    confirmed: "Thank you. You will be contacted as you asked.",
    withdrawn: "Thank you. Your details are deleted, and you are on the list of those who must not be contacted.",
    incomplete: "This link is not complete. Open it as it stands in the message.",
    unknown: "This link is not known.",
    expired: "This link no longer works. Ask for a new one.",
    failed: "Something failed on our side. Try again later.",
};

const WORDS: &[ConfirmationWords] = &[
    ENGLISH,
    ConfirmationWords {
        language: "de",
        subject: "Bitte bestätigen Sie Ihre Anfrage",
        before_code: "Sie haben um Kontakt gebeten. Ihr Code lautet",
        before_link: "Geben Sie ihn dort an, wo Sie danach gefragt wurden, oder öffnen Sie",
        denial: "Waren Sie das nicht, öffnen Sie den Link und sagen Sie es uns: Ihre Daten werden dann gelöscht, und niemand kontaktiert Sie.",
        question: "Jemand hat mit Ihren Daten um Kontakt gebeten. Waren Sie das?",
        yes: "Ja, das war ich",
        no: "Nein, das war ich nicht",
        confirmed: "Vielen Dank. Sie werden wie gewünscht kontaktiert.",
        withdrawn: "Vielen Dank. Ihre Daten sind gelöscht, und niemand darf Sie deswegen kontaktieren.",
        incomplete: "Dieser Link ist nicht vollständig. Öffnen Sie ihn so, wie er in der Nachricht steht.",
        unknown: "Dieser Link ist nicht bekannt.",
        expired: "Dieser Link gilt nicht mehr. Bitten Sie um einen neuen.",
        failed: "Bei uns ist etwas schiefgegangen. Versuchen Sie es später noch einmal.",
    },
    ConfirmationWords {
        language: "fr",
        subject: "Merci de confirmer votre demande",
        before_code: "Vous avez demandé à être contacté. Votre code est",
        before_link: "Indiquez-le là où il vous est demandé, ou ouvrez",
        denial: "Si ce n'était pas vous, ouvrez le lien et dites-le-nous : vos données seront effacées et personne ne vous contactera.",
        question: "Quelqu'un a demandé à être contacté avec vos coordonnées. Était-ce vous ?",
        yes: "Oui, c'était moi",
        no: "Non, ce n'était pas moi",
        confirmed: "Merci. Vous serez contacté comme vous l'avez demandé.",
        withdrawn: "Merci. Vos données sont effacées et vous ne devez plus être contacté.",
        incomplete: "Ce lien n'est pas complet. Ouvrez-le tel qu'il figure dans le message.",
        unknown: "Ce lien n'est pas connu.",
        expired: "Ce lien n'est plus valable. Demandez-en un nouveau.",
        failed: "Une erreur s'est produite de notre côté. Réessayez plus tard.",
    },
    ConfirmationWords {
        language: "es",
        subject: "Confirme su solicitud",
        before_code: "Usted pidió que le contactaran. Su código es",
        before_link: "Indíquelo donde se lo pidan o abra",
        denial: "Si no fue usted, abra el enlace y díganoslo: borraremos sus datos y nadie le contactará.",
        question: "Alguien pidió que le contactaran con sus datos. ¿Fue usted?",
        yes: "Sí, fui yo",
        no: "No, no fui yo",
        confirmed: "Gracias. Le contactarán como pidió.",
        withdrawn: "Gracias. Sus datos se han borrado y nadie debe contactarle.",
        incomplete: "Este enlace no está completo. Ábralo tal como figura en el mensaje.",
        unknown: "Este enlace no es conocido.",
        expired: "Este enlace ya no es válido. Pida uno nuevo.",
        failed: "Algo ha fallado por nuestra parte. Inténtelo más tarde.",
    },
    ConfirmationWords {
        language: "pt",
        subject: "Confirme o seu pedido",
        before_code: "Pediu para ser contactado. O seu código é",
        before_link: "Indique-o onde lhe for pedido ou abra",
        denial: "Se não foi você, abra a ligação e diga-nos: os seus dados serão apagados e ninguém o contactará.",
        question: "Alguém pediu para ser contactado com os seus dados. Foi você?",
        yes: "Sim, fui eu",
        no: "Não, não fui eu",
        confirmed: "Obrigado. Será contactado como pediu.",
        withdrawn: "Obrigado. Os seus dados foram apagados e ninguém deve contactá-lo.",
        incomplete: "Esta ligação não está completa. Abra-a tal como está na mensagem.",
        unknown: "Esta ligação não é conhecida.",
        expired: "Esta ligação já não é válida. Peça uma nova.",
        failed: "Algo falhou do nosso lado. Tente mais tarde.",
    },
    ConfirmationWords {
        language: "nl",
        subject: "Bevestig uw aanvraag",
        before_code: "U hebt om contact gevraagd. Uw code is",
        before_link: "Geef hem op waar erom wordt gevraagd, of open",
        denial: "Was u dit niet? Open dan de link en laat het ons weten: uw gegevens worden gewist en niemand neemt contact met u op.",
        question: "Iemand heeft met uw gegevens om contact gevraagd. Was u dat?",
        yes: "Ja, dat was ik",
        no: "Nee, dat was ik niet",
        confirmed: "Dank u. Er wordt contact met u opgenomen zoals u hebt gevraagd.",
        withdrawn: "Dank u. Uw gegevens zijn gewist en niemand mag contact met u opnemen.",
        incomplete: "Deze link is niet volledig. Open hem zoals hij in het bericht staat.",
        unknown: "Deze link is niet bekend.",
        expired: "Deze link werkt niet meer. Vraag een nieuwe aan.",
        failed: "Er is bij ons iets misgegaan. Probeer het later nog eens.",
    },
    ConfirmationWords {
        language: "no",
        subject: "Bekreft forespørselen din",
        before_code: "Du har bedt om å bli kontaktet. Koden din er",
        before_link: "Oppgi den der du blir bedt om det, eller åpne",
        denial: "Var det ikke deg, åpne lenken og si fra: da slettes opplysningene dine, og ingen kontakter deg.",
        question: "Noen har bedt om å bli kontaktet med opplysningene dine. Var det deg?",
        yes: "Ja, det var meg",
        no: "Nei, det var ikke meg",
        confirmed: "Takk. Du blir kontaktet slik du ba om.",
        withdrawn: "Takk. Opplysningene dine er slettet, og ingen skal kontakte deg.",
        incomplete: "Denne lenken er ikke fullstendig. Åpne den slik den står i meldingen.",
        unknown: "Denne lenken er ikke kjent.",
        expired: "Denne lenken virker ikke lenger. Be om en ny.",
        failed: "Noe gikk galt hos oss. Prøv igjen senere.",
    },
];

/// Countries where one of the languages is the one that nearly everybody reads.
const COUNTRIES: &[(&str, &[&str])] = &[
    ("de", &["DE", "AT", "LI"]),
    ("fr", &["FR", "MC"]),
    ("es", &["ES", "MX", "AR", "CL", "CO", "CR", "CU", "DO", "EC", "GT", "HN", "NI", "PA", "PE", "SV", "UY", "VE"]),
    ("pt", &["PT", "BR", "AO", "MZ"]),
    ("nl", &["NL", "SR"]),
    ("no", &["NO"]),
];

impl ConfirmationWords {
    /// The words for a person who reads `language` (ISO 639-1) or lives in `country` (ISO 3166-1 alpha-2); English where
    /// there are none. A language of which nothing was written is not replaced by the country's.
    #[must_use]
    pub fn of(language: Option<&str>, country: Option<&str>) -> &'static Self {
        let of_country = || COUNTRIES.iter().find(|(_, countries)| country.is_some_and(|code| countries.contains(&code)));
        let language = match language {
            Some("nb" | "nn") => "no",
            Some(language) => language,
            None => of_country().map_or("en", |(language, _)| language),
        };
        WORDS.iter().find(|words| words.language == language).unwrap_or(&ENGLISH)
    }

    /// The message with a code and a link, which stands apart from what is around it.
    #[must_use]
    pub fn message(&self, code: &str, link: &str) -> String {
        format!("{} {code}. {} {link} . {}", self.before_code, self.before_link, self.denial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_persons_or_the_countrys() {
        let of = |language, country| ConfirmationWords::of(language, country).language;
        assert_eq!(of(Some("de"), Some("NO")), "de");
        assert_eq!(of(Some("nb"), None), "no");
        assert_eq!(of(Some("uk"), Some("DE")), "en");
        assert_eq!(of(None, Some("BR")), "pt");
        assert_eq!(of(None, Some("CH")), "en");
        assert_eq!(of(None, None), "en");
    }

    #[test]
    fn every_message_holds_code_and_link_once() {
        for words in WORDS {
            let text = words.message("123456", "https://x.example/confirm?token=t");
            assert!(text.contains(" 123456. ") && text.contains(" https://x.example/confirm?token=t . "), "{text}");
            let languages = WORDS.iter().filter(|other| other.language == words.language);
            assert_eq!(languages.count(), 1);
        }
    }
}
