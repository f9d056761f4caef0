//! What columns are called in the files of several countries.

use super::target::Target;

/// What a column may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    Field(Target),
    GivenName,
    FamilyName,
    BirthDate,
    /// Known only after somebody worked on the lead.
    Outcome,
}

/// Names by topic, parted by `|`.
pub(super) const NAMES: &[(Topic, &str)] = &[
    (Topic::GivenName, "first name|firstname|given name|forename|vorname|prenom|nombre|primeiro nome|voornaam|imie|имя"),
    (
        Topic::FamilyName,
        "last name|lastname|surname|family name|nachname|familienname|nom de famille|apellido|apellidos|sobrenome| \
         apelido|cognome|achternaam|nazwisko|фамилия|soyad",
    ),
    (
        Topic::Field(Target::Name),
        "name|full name|fullname|contact name|customer name|client name|lead name|nom|nome|naam|nombre completo| \
         nome completo|фио|ad soyad|imie i nazwisko|姓名",
    ),
    (
        Topic::Field(Target::Phone),
        "phone|phone number|mobile|mobile phone|mobile number|cell|cellphone|telephone|tel|telefon|telefonnummer| \
         handy|telephone portable|portable|telefono|celular|movil|telemovel|telefone|cellulare|telefoon|телефон| \
         мобильный|номер телефона|numer telefonu|电话|手机|whatsapp",
    ),
    (Topic::Field(Target::Phone2), "phone 2|second phone|other phone|home phone|work phone|alternate phone"),
    (
        Topic::Field(Target::Email),
        "email|e mail|mail|email address|e mail address|emailadresse|courriel|adresse email|correo| \
         correo electronico|correio eletronico|posta elettronica|почта|электронная почта|e posta|adres email|邮箱",
    ),
    (Topic::Field(Target::Email2), "email 2|second email|other email|work email"),
    (Topic::Field(Target::MessengerAccount), "telegram|viber|skype|messenger"),
    (
        Topic::Field(Target::Company),
        "company|company name|organisation|organization|firma|unternehmen|entreprise|societe|empresa|azienda| \
         bedrijf|компания|организация",
    ),
    (Topic::Field(Target::Position), "position|job title|title|funktion|poste|cargo|puesto|должность"),
    (Topic::Field(Target::Age), "age|age years|alter|edad|idade|eta|leeftijd|wiek|возраст|yas|年龄"),
    (
        Topic::BirthDate,
        "birth date|date of birth|dob|birthday|birthdate|geburtsdatum|date de naissance|fecha de nacimiento| \
         data de nascimento|data di nascita|geboortedatum|дата рождения|data urodzenia",
    ),
    (Topic::Field(Target::Gender), "gender|sex|geschlecht|sexe|genero|sexo|sesso|geslacht|plec|пол|性别"),
    (
        Topic::Field(Target::MaritalStatus),
        "marital|marital status|family status|familienstand|etat civil|situation familiale|estado civil| \
         stato civile|семейное положение",
    ),
    (
        Topic::Field(Target::Occupation),
        "occupation|job|profession|current occupation|employment|employment status|beruf|profession actuelle| \
         ocupacion|profesion|profissao|ocupacao|professione|beroep|zawod|профессия",
    ),
    (
        Topic::Field(Target::IncomeBand),
        "income|annual income|yearly income|salary|einkommen|jahreseinkommen|revenu|ingresos|renda|rendimento| \
         reddito|доход",
    ),
    (Topic::Field(Target::CreditBand), "credit|credit score|credit rating|credit standing|bonitat|schufa"),
    (
        Topic::Field(Target::Education),
        "education|education level|degree|bildung|schulabschluss|niveau d etudes|educacion|nivel de estudios| \
         educacao|escolaridade|istruzione|образование",
    ),
    (Topic::Field(Target::Interests), "interests|hobbies|interessen|interets|intereses|интересы"),
    (Topic::Field(Target::Language), "language|lang|locale|sprache|langue|idioma|lingua|taal|язык"),
    (Topic::Field(Target::Industry), "industry|sector|branche|secteur|sector de actividad|setor|отрасль"),
    (
        Topic::Field(Target::HeadcountBand),
        "headcount|employees|number of employees|company size|mitarbeiter|effectif|empleados|funcionarios",
    ),
    (Topic::Field(Target::Country), "country|country code|land|pays|pais|paese|kraj|страна|ulke|国家"),
    (
        Topic::Field(Target::Region),
        "region|state|province|county|bundesland|departement|provincia|estado|distrito|regione|wojewodztwo|регион| \
         область",
    ),
    (Topic::Field(Target::City), "city|town|stadt|ort|wohnort|ville|ciudad|cidade|citta|plaats|miasto|город|sehir|城市"),
    (
        Topic::Field(Target::PostalCode),
        "postal code|postcode|post code|zip|zip code|plz|postleitzahl|code postal|codigo postal|cep|cap|kod pocztowy|индекс|邮编",
    ),
    (Topic::Field(Target::Source), "source|lead source|traffic source|channel|quelle|origen|origem|fonte|источник"),
    (Topic::Field(Target::Campaign), "campaign name|ad campaign|kampagne|campagne|campana|campanha|кампания"),
    (Topic::Field(Target::UtmSource), "utm source"),
    (Topic::Field(Target::UtmMedium), "utm medium"),
    (Topic::Field(Target::UtmCampaign), "utm campaign"),
    (Topic::Field(Target::UtmTerm), "utm term"),
    (Topic::Field(Target::UtmContent), "utm content"),
    (Topic::Field(Target::LandingPage), "landing page|page url|url|page|referrer"),
    (Topic::Field(Target::Spend), "cost|spend|cpl|cost per lead|kosten|cout|coste|custo|расход"),
    (
        Topic::Field(Target::ConsentText),
        "consent|consent text|opt in text|einwilligung|consentement|consentimiento|consentimento|согласие",
    ),
    (Topic::Field(Target::ConsentAt), "consent at|consent date|consent time|opt in date|optin date|opt in time"),
    (Topic::Field(Target::ConsentPage), "consent url|consent page|opt in url"),
    (Topic::Field(Target::ConsentCertificate), "trustedform|trustedform url|jornaya|certificate|certificate url"),
    (Topic::Field(Target::RefusesEmail), "do not email|no email|email opt out|unsubscribed email"),
    (Topic::Field(Target::RefusesPhone), "do not call|dnc|no call|call opt out"),
    (Topic::Field(Target::TimeOnPageSecs), "time on page|form time|seconds on page"),
    (Topic::Field(Target::SiteSecs), "time on site|total time spent on website|session duration"),
    (Topic::Field(Target::Visits), "visits|totalvisits|total visits|number of visits"),
    (Topic::Field(Target::DeviceId), "device id|deviceid|device"),
    (Topic::Field(Target::Ip), "ip|ip address|ipaddress"),
    (Topic::Field(Target::UserAgent), "user agent|useragent|browser"),
    (
        Topic::Field(Target::Comments),
        "comment|comments|message|note|notes|bemerkung|nachricht|kommentar|commentaire|remarques|comentario| \
         comentarios|observacoes|commento|opmerking|комментарий|сообщение",
    ),
    (Topic::Field(Target::CallMeAt), "call me at|best time to call|callback time|preferred time"),
    (
        Topic::Field(Target::SellerReference),
        "id|lead id|leadid|reference|ref|external id|uuid|lead number|prospect id|cust num|customer id|record id| \
         number|nummer|номер",
    ),
    (
        Topic::Field(Target::CapturedAt),
        "created|created at|created time|date|timestamp|datetime|submitted|submitted at|submission date|lead date| \
         datum|erstellt|fecha|data|дата|tarih",
    ),
    (
        Topic::Outcome,
        "converted|conversion|outcome|result|won|sold|y|duration|call duration|campaign|pdays|previous|poutcome| \
         tags|lead quality|disposition|call result|last notable activity|status|stage",
    ),
];

/// A column's name as it is compared: lower case, no accents, one blank for everything that is neither letter nor digit.
#[must_use]
pub(super) fn plain(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::is_combining_mark;
    let mut spaced = String::with_capacity(name.len());
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && after_lower {
            spaced.push(' ');
        }
        after_lower = c.is_lowercase();
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    let folded: String = spaced.to_lowercase().nfd().filter(|c| !is_combining_mark(*c)).nfc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How well a name fits one of `known`, in percent: the same, or the same but for words around it.
#[must_use]
pub(super) fn likeness(name: &str, known: &str) -> u32 {
    let squeezed = name.replace(' ', "");
    let known: Vec<String> = known.split('|').map(|candidate| plain(candidate.trim())).collect();
    if known.iter().any(|candidate| candidate == name || candidate.replace(' ', "") == squeezed) {
        return 95;
    }
    if known.iter().any(|candidate| within(name, candidate)) { 65 } else { 0 }
}

/// Whether `inner` stands in `outer` as whole words, both as [`plain`] writes them.
#[must_use]
pub(super) fn within(outer: &str, inner: &str) -> bool {
    inner.chars().count() >= 4 && format!(" {outer} ").contains(&format!(" {inner} "))
}
