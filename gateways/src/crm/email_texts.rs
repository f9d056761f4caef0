//! The texts of our messages, in the languages that they exist in.

/// The templates of one message.
pub(super) struct Texts {
    pub(super) subject: &'static str,
    pub(super) text: String,
    pub(super) html: String,
}

struct Words {
    subject: &'static str,
    greeting: &'static str,
    open: &'static str,
    place: &'static str,
    name: &'static str,
    phone: &'static str,
    email: &'static str,
    elsewhere: &'static str,
}

const EN: Words = Words {
    subject: "{% if test %}[TEST] {% endif %}New lead: {{ vertical }}{% if city %}, {{ city }}{% endif %}",
    greeting: "You have bought a new lead.",
    open: "Open the lead",
    place: "Place",
    name: "Name",
    phone: "Phone",
    email: "E-mail",
    elsewhere: "Contact data and answers are kept in the exchange and are not part of this message.",
};

const DE: Words = Words {
    subject: "{% if test %}[TEST] {% endif %}Neuer Lead: {{ vertical }}{% if city %}, {{ city }}{% endif %}",
    greeting: "Sie haben einen neuen Lead gekauft.",
    open: "Lead öffnen",
    place: "Ort",
    name: "Name",
    phone: "Telefon",
    email: "E-Mail",
    elsewhere: "Kontaktdaten und Antworten liegen in der Börse und stehen nicht in dieser Nachricht.",
};

const PT: Words = Words {
    subject: "{% if test %}[TESTE] {% endif %}Novo lead: {{ vertical }}{% if city %}, {{ city }}{% endif %}",
    greeting: "Você comprou um novo lead.",
    open: "Abrir o lead",
    place: "Local",
    name: "Nome",
    phone: "Telefone",
    email: "E-mail",
    elsewhere: "Os dados de contato e as respostas ficam na plataforma e não fazem parte desta mensagem.",
};

const RU: Words = Words {
    subject: "{% if test %}[ТЕСТ] {% endif %}Новый лид: {{ vertical }}{% if city %}, {{ city }}{% endif %}",
    greeting: "Вы купили новый лид.",
    open: "Открыть лид",
    place: "Место",
    name: "Имя",
    phone: "Телефон",
    email: "Эл. почта",
    elsewhere: "Контактные данные и ответы хранятся на бирже и не входят в это письмо.",
};

const PLACE: &str = "{{ city }}{% if city and region %}, {% endif %}{{ region }}{% if country %} ({{ country }}){% endif %}";

/// The texts in a language, with or without personal data.
pub(super) fn texts(language: &str, personal_data: bool) -> Texts {
    let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let words = match primary.as_str() {
        "de" => &DE,
        "pt" => &PT,
        "ru" => &RU,
        _ => &EN,
    };
    Texts { subject: words.subject, text: text(words, personal_data), html: html(words, personal_data) }
}

fn text(words: &Words, personal_data: bool) -> String {
    let Words { greeting, open, place, name, phone, email, elsewhere, .. } = words;
    let person = if personal_data {
        format!(
            "{name}: {{{{ display_name }}}}\n\
             {{% for phone in phones %}}{phone}: {{{{ phone }}}}\n{{% endfor %}}\
             {{% for email in emails %}}{email}: {{{{ email }}}}\n{{% endfor %}}\
             {{% for item in attribute_list %}}{{{{ item.label }}}}: {{{{ item.value }}}}\n{{% endfor %}}"
        )
    } else {
        format!("{elsewhere}\n")
    };
    format!(
        "{greeting}\n\n{{{{ vertical }}}}\n{place}: {PLACE}\n{person}\n{{% if link %}}{open}: {{{{ link }}}}\n{{% endif %}}\n{{{{ sender }}}}\n"
    )
}

fn html(words: &Words, personal_data: bool) -> String {
    let Words { greeting, open, place, name, phone, email, elsewhere, .. } = words;
    let person = if personal_data {
        format!(
            "<tr><th align=\"left\">{name}</th><td>{{{{ display_name }}}}</td></tr>\
             {{% for phone in phones %}}<tr><th align=\"left\">{phone}</th><td>{{{{ phone }}}}</td></tr>{{% endfor %}}\
             {{% for email in emails %}}<tr><th align=\"left\">{email}</th><td>{{{{ email }}}}</td></tr>{{% endfor %}}\
             {{% for item in attribute_list %}}<tr><th align=\"left\">{{{{ item.label }}}}</th><td>{{{{ item.value }}}}</td></tr>{{% endfor %}}"
        )
    } else {
        String::new()
    };
    let note = if personal_data { String::new() } else { format!("<p>{elsewhere}</p>") };
    format!(
        "<!doctype html><html><body><p>{greeting}</p><p><strong>{{{{ vertical }}}}</strong></p>\
         <table><tr><th align=\"left\">{place}</th><td>{PLACE}</td></tr>{person}</table>{note}\
         {{% if link %}}<p><a href=\"{{{{ link }}}}\">{open}</a></p>{{% endif %}}<p>{{{{ sender }}}}</p></body></html>"
    )
}
