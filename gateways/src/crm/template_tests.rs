use super::*;
use crate::crm::testing::{KEY, SENDER, lead};
use proptest::prelude::*;

fn made(source: &str, syntax: Syntax) -> Result<String, RenderError> {
    render("here", source, syntax, &Context::new(&lead(), KEY, SENDER))
}

fn named(name: &str) -> Context {
    Context::new(&Lead { first_name: Some(name.into()), ..lead() }, KEY, SENDER)
}

#[test]
fn each_syntax_escapes_its_own_way() {
    let context = named("A&\"<é\n");
    let of = |syntax| render("here", "{{ first_name }}", syntax, &context).unwrap();
    assert_eq!(of(Syntax::Plain), "A&\"<é\n");
    assert_eq!(serde_json::from_str::<String>(&of(Syntax::Json)).unwrap(), "A&\"<é\n");
    assert_eq!(of(Syntax::Form), "A%26%22%3C%C3%A9%0A");
    assert_eq!(of(Syntax::Xml), "A&amp;&quot;&lt;é&#10;");
    assert_eq!(of(Syntax::Html), "A&amp;&quot;&lt;é\n");
}

#[test]
fn values_and_absent_ones_are_reachable() {
    assert_eq!(
        made("{{ attributes.make }} {{ labels.make }} {{ phones[0] }} {{ price }} {{ currency }}", Syntax::Plain).unwrap(),
        "Volkswagen Make +12025550143 25.00 EUR"
    );
    assert_eq!(
        made("{% for a in attribute_list %}{{ a.label }}={{ a.value }};{% endfor %}", Syntax::Plain).unwrap(),
        "Year=2021;Make=Volkswagen;Model=Golf;"
    );
    assert_eq!(made("[{{ attributes.none }}]", Syntax::Plain).unwrap(), "[]");
    assert_eq!(
        made("[{{ attributes.none }},{{ test }},{{ phones }}]", Syntax::Json).unwrap(),
        r#"[null,false,["+12025550143"]]"#
    );
    assert_eq!(
        made("{{ submitted_at }} {{ sender }} {{ idempotency_key }}", Syntax::Plain).unwrap(),
        "2027-01-15T08:00:00Z Clearlead dlv-1"
    );
}

#[test]
fn a_template_cannot_eat_the_machine() {
    let doubling = format!("{{% set x = 'aaaaaaaa' %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(40));
    for source in [
        doubling.as_str(),
        "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 99999999 }}",
    ] {
        assert!(matches!(made(source, Syntax::Plain), Err(RenderError::Template { .. })), "{source}");
    }
    assert!(made(&"x".repeat(MAX_TEMPLATE_BYTES), Syntax::Plain).is_ok());
    assert!(made(&"x".repeat(MAX_TEMPLATE_BYTES + 1), Syntax::Plain).is_err());
}

#[test]
fn no_template_reaches_files_or_other_templates() {
    for source in ["{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}"] {
        assert!(made(source, Syntax::Plain).is_err(), "{source}");
    }
}

#[test]
fn problems_are_found_before_any_lead_comes() {
    let of = |source, personal, secrets| problem(source, Syntax::Plain, personal, secrets);
    assert_eq!(of("{{ first_name }} {{ range(2) }} {{ link }}", true, false), None);
    assert_eq!(of("{{ frist_name }}", true, false).unwrap(), "unknown name `frist_name`");
    assert_eq!(of("{{ phone }}", false, false).unwrap(), "`phone` is personal data, which this destination is not to carry");
    assert_eq!(of("{{ secrets.key }}", true, false).unwrap(), "secrets cannot be used here");
    assert_eq!(of("{{ secrets.key }}", true, true), None);
    assert!(of("a\n{% if %}", true, false).unwrap().contains("in line 2"));
    assert!(of("{{ city|nothing }}", true, false).unwrap().contains("nothing"));
    assert_eq!(of("{{ attributes.rooms|round }}", true, false), None);
    assert!(of("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}", true, false).is_some());
}

#[test]
fn errors_do_not_repeat_values() {
    for source in [
        "{{ first_name|int }}",
        "{{ first_name.y() }}",
        "{{ first_name + 1 }}",
        "{{ first_name|round }}",
        "{{ first_name|items }}",
    ] {
        let Err(error) = made(source, Syntax::Plain) else { panic!("{source}") };
        assert!(!error.to_string().contains("Erika"), "{error}");
    }
}

#[test]
fn an_impersonal_context_has_nobody_in_it() {
    let context = named("Erika").impersonal();
    let source = "{{ first_name }}{{ phones }}{{ emails }}{{ summary }}{{ attributes }}{{ title }}{{ postal_code }}|{{ city }}";
    assert_eq!(render("here", source, Syntax::Plain, &context).unwrap(), "|Berlin");
}

#[test]
fn secrets_are_in_clear_or_masked() {
    let secrets = Secrets::new().with("key", "s3cret");
    let of = |masked| render("here", "{{ secrets.key }}", Syntax::Plain, &named("A").with_secrets(&secrets, masked)).unwrap();
    assert_eq!((of(false), of(true)), ("s3cret".into(), "***".into()));
}

proptest! {
    #[test]
    fn any_text_is_no_panic(source in ".{0,200}", blocks in "(\\{[{%]|[}%]\\}|[a-z_.|()~*+0-9'\" ]){0,60}") {
        let _ = (made(&source, Syntax::Json), made(&blocks, Syntax::Xml), problem(&blocks, Syntax::Plain, true, true));
    }

    #[test]
    fn json_and_forms_give_back_what_went_in(name in any::<String>()) {
        let json = render("here", "{{ first_name }}", Syntax::Json, &named(&name)).unwrap();
        prop_assert_eq!(&serde_json::from_str::<String>(&json).unwrap(), &name);
        let form = render("here", "a={{ first_name }}&b=1", Syntax::Form, &named(&name)).unwrap();
        let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        prop_assert_eq!(pairs, vec![("a".to_owned(), name), ("b".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn xml_gives_back_what_xml_can_carry(name in any::<String>()) {
        let xml = render("here", "<a b=\"{{ first_name }}\">{{ first_name }}</a>", Syntax::Xml, &named(&name)).unwrap();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let carried: String = name.chars().filter(|c| !c.is_ascii_control() || "\t\n\r".contains(*c)).filter(|c| !"\u{FFFE}\u{FFFF}".contains(*c)).collect();
        prop_assert_eq!(document.root_element().text().unwrap_or_default(), &carried);
        prop_assert_eq!(document.root_element().attribute("b").unwrap_or_default(), &carried);
    }
}
