use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::id::OrganizationId;
use crate::lead::{Channel, ContactKind, CreditBand, Education, IncomeBand, Interest, LeadDraft, MaritalStatus, SourceKind};
use crate::money::{Currency, Money};
use crate::time::Timestamp;
use crate::vertical::{AttributeValue, Definition};

/// A vertical with an attribute of each type.
fn definition() -> Definition {
    toml::from_str(
        r#"
        labels = { en = "Tours" }
        [[attributes]]
        key = "goal"
        kind = "ENUM"
        labels = { en = "Destination" }
        required = true
        values = [{ value = "SEA" }, { value = "CITY_BREAK" }]
        [[attributes]]
        key = "nights"
        kind = "INT"
        labels = { en = "Number of nights" }
        min = 1
        max = 60
        [[attributes]]
        key = "visa"
        kind = "BOOL"
        labels = { en = "Needs a visa" }
        [[attributes]]
        key = "departure"
        kind = "DATE"
        labels = { en = "Departure" }
        [[attributes]]
        key = "passport"
        kind = "TEXT"
        labels = { en = "Passport" }
        identifying = true
        "#,
    )
    .unwrap()
}

const TOURS: &str = r##"
vertical = "travel/tour"

[file]
phone_region = "PT"
currency = "EUR"
decimal = ","
time_zone = "Europe/Lisbon"
missing = ["Select", "unknown"]

[[only]]
column = "Status"
not = ["test"]

[fields]
name = { template = "{First} {Last}", case = "title" }
phone = { columns = ["Mobile", "Phone"] }
email = "Mail"
age = { column = "Born", dates = ["%d.%m.%Y"] }
marital_status = "Marital"
income_band = { column = "Income", strip = ["€"], unit = "thousands", bands = [[0, "UNDER_10K"], [10000, "FROM_10K"], [50000, "FROM_50K"]] }
credit_band = { column = "Credit", values = { "A" = "EXCELLENT", "F" = "BAD" }, otherwise = "" }
education = { column = "School", default = "SECONDARY" }
country = { column = "Country", default = "PT" }
interest = { constant = "ORDER" }
source = { column = "Source", values = { "google" = "SEARCH_AD" } }
spend = "Cost"
refuses_email = "No mail"
consent_text = { constant = "I agree" }
consent_at = { column = "Created", dates = ["%d.%m.%Y %H:%M"] }
captured_at = { column = "Created", dates = ["%d.%m.%Y %H:%M"] }
seller_reference = "#1"

[attributes]
goal = { column = "Goal", values = { "Meer" = "SEA" } }
nights = "Nights"
visa = { column = "Visa", yes = ["braucht"], no = ["braucht nicht"] }
departure = { column = "Departure", dates = ["%d.%m.%Y"] }
"##;

const COLUMNS: &[&str] = &[
    "Ref",
    "Status",
    "First",
    "Last",
    "Mobile",
    "Phone",
    "Mail",
    "Born",
    "Marital",
    "Income",
    "Credit",
    "School",
    "Country",
    "Source",
    "Cost",
    "No mail",
    "Created",
    "Goal",
    "Nights",
    "Visa",
    "Departure",
];

const ROW: &[&str] = &[
    "r-1",
    "new",
    "MARIA",
    "da silva",
    "",
    "912 345 678",
    "Maria@Example.com ",
    "31.12.1980",
    "married",
    "€ 12,5",
    "A",
    "Select",
    "portugal",
    "Google",
    "1.234,50",
    "ja",
    "01.07.2026 12:30",
    "meer",
    "7",
    "Braucht",
    "15.08.2026",
];

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn columns() -> Vec<String> {
    COLUMNS.iter().map(ToString::to_string).collect()
}

fn tours() -> Bound {
    Mapping::parse(TOURS).unwrap().bind(&columns(), &definition(), Limits::default()).unwrap()
}

fn with(changes: &[(&str, &'static str)]) -> Vec<&'static str> {
    let mut row = ROW.to_vec();
    for (column, cell) in changes {
        row[COLUMNS.iter().position(|name| name == column).unwrap()] = cell;
    }
    row
}

fn lead(row: &[&str]) -> LeadDraft {
    match tours().apply(row, 0, now()) {
        RowOutcome::Lead(draft) => *draft,
        other => panic!("{other:?}"),
    }
}

fn refused(row: &[&str]) -> Vec<(Option<String>, Code, String)> {
    match tours().apply(row, 0, now()) {
        RowOutcome::Refused(refusals) => refusals.into_iter().map(|r| (r.column, r.code, r.reason)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_row_becomes_a_lead_with_every_kind_of_value() {
    let draft = lead(ROW);
    assert_eq!(draft.contact.name, "Maria Da Silva");
    assert_eq!(draft.contact.phones, ["+351912345678"]);
    assert_eq!(draft.contact.emails, ["Maria@Example.com"]);
    assert_eq!(draft.demographics.age, Some(45));
    assert_eq!(draft.demographics.marital_status, Some(MaritalStatus::Married));
    assert_eq!(draft.demographics.income_band, Some(IncomeBand::From10k));
    assert_eq!(draft.demographics.credit_band, Some(CreditBand::Excellent));
    assert_eq!(draft.demographics.education, Some(Education::Secondary));
    assert_eq!(draft.geography.country.as_deref(), Some("PT"));
    assert_eq!(
        (draft.interest, draft.source.kind, draft.contact_kind),
        (Interest::Order, SourceKind::SearchAd, ContactKind::Quick)
    );
    assert_eq!(draft.source.spend, Some(Money::new(123_450, Currency::EUR)));
    let consent = draft.consent.unwrap();
    assert_eq!(consent.refused_channels, BTreeSet::from([Channel::Email]));
    assert_eq!((consent.text.as_str(), consent.captured_at), ("I agree", Some("2026-07-01T11:30:00Z".parse().unwrap())));
    assert_eq!((draft.seller_reference.as_deref(), draft.synthetic), (Some("r-1"), false));
    let expected: BTreeMap<String, AttributeValue> = [
        ("goal", AttributeValue::text("SEA")),
        ("nights", AttributeValue::Int(7)),
        ("visa", AttributeValue::Bool(true)),
        ("departure", AttributeValue::Date("2026-08-15".parse().unwrap())),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    assert!(draft.attributes == expected);
}

#[test]
fn a_time_that_the_file_does_not_tell_is_not_made_up() {
    let silent = TOURS
        .replace("consent_at = { column = \"Created\", dates = [\"%d.%m.%Y %H:%M\"] }\n", "")
        .replace("captured_at = { column = \"Created\", dates = [\"%d.%m.%Y %H:%M\"] }\n", "");
    let bound = Mapping::parse(&silent).unwrap().bind(&columns(), &definition(), Limits::default()).unwrap();
    let RowOutcome::Lead(draft) = bound.apply(ROW, 0, now()) else { panic!() };
    let consent = draft.consent.as_ref().unwrap();
    assert_eq!((consent.text.as_str(), consent.captured_at, draft.captured_at), ("I agree", None, None));
    assert_eq!(
        bound.apply(ROW, 0, now()),
        bound.apply(ROW, 0, now() + chrono::TimeDelta::hours(1)),
        "the same row, the same draft"
    );
}

#[test]
fn a_number_of_which_a_part_is_hidden_is_not_cut_to_another_one() {
    let phones = |cell: &'static str| lead(&with(&[("Mobile", cell)])).contact.phones;
    assert_eq!(phones("+47 912 34 ***"), ["+47 912 34 ***"]);
    assert_eq!(phones("912 345 XXX"), ["912 345 XXX"]);
    assert_eq!(phones("+47 912 34 567"), ["+4791234567"]);
}

#[test]
fn a_constant_holds_no_control_characters() {
    let text = TOURS.replace("{ constant = \"I agree\" }", "{ constant = \"I\\u0000agree\" }");
    let bound = Mapping::parse(&text).unwrap().bind(&columns(), &definition(), Limits::default()).unwrap();
    let RowOutcome::Refused(found) = bound.apply(ROW, 0, now()) else { panic!() };
    assert_eq!(found[0].reason, "`consent_text` holds control characters");
}

#[test]
fn missing_values_translations_and_filters() {
    let draft = lead(&with(&[("Credit", "C"), ("Country", "unknown"), ("Marital", " SELECT ")]));
    assert_eq!((draft.demographics.credit_band, draft.demographics.marital_status), (None, None));
    assert_eq!(draft.geography.country.as_deref(), Some("PT"));
    assert_eq!(tours().apply(&with(&[("Status", "TEST ")]), 0, now()), RowOutcome::Skipped);
    assert_eq!(tours().apply(&["", " "], 0, now()), RowOutcome::Skipped);
}

#[test]
fn a_refused_row_names_its_columns_and_never_the_cell() {
    let found = refused(&with(&[("Born", "1980-12-31"), ("Nights", "61"), ("Goal", "moon"), ("Created", "secret")]));
    let columns: Vec<&str> = found.iter().map(|(column, _, _)| column.as_deref().unwrap()).collect();
    assert_eq!(columns, ["Born", "Created", "Created", "Goal", "Nights"]);
    assert!(
        found.iter().all(|(_, code, reason)| *code == Code::Invalid && !reason.contains("secret") && !reason.contains("moon"))
    );
    assert_eq!(found.last().unwrap().2, "`nights` is not from 1 to 60");
    assert_eq!(refused(&ROW[..20])[0].2, "the row has 20 cells where the file has 21 columns");
    assert_eq!(refused(&with(&[("Mail", "a\u{0}b")]))[0].0.as_deref(), Some("Mail"));
    assert_eq!(refused(&with(&[("Last", "M\u{fffd}ller")]))[0].0.as_deref(), Some("Last"));
    let long: &'static str = Box::leak("x".repeat(10_001).into_boxed_str());
    assert_eq!(refused(&with(&[("Last", long)]))[0].1, Code::TooLarge);
}

#[test]
fn a_refusal_of_the_draft_leads_back_to_its_column() {
    let bound = tours();
    let place = |path: &[&str]| {
        let mut refusal = Refusal::new(Code::Invalid, "no");
        refusal.path = path.iter().map(ToString::to_string).collect();
        bound.place(&refusal).column
    };
    assert_eq!(place(&["contact", "name"]).as_deref(), Some("First + Last"));
    assert_eq!(place(&["contact", "emails", "0"]).as_deref(), Some("Mail"));
    assert_eq!(place(&["attributes", "nights"]).as_deref(), Some("Nights"));
    assert_eq!(place(&["vertical"]), None);
}

#[test]
fn a_mapping_that_does_not_fit_is_refused_with_every_place() {
    let broken = TOURS
        .replace("\"Mail\"", "\"E-Mail\"")
        .replace("nights = \"Nights\"", "stars = \"Nights\"")
        .replace("column = \"Status\"", "column = \"State\"")
        .replace("interest = { constant = \"ORDER\" }", "interest = { constant = \"WISH\" }")
        .replace("default = \"SECONDARY\"", "template = \"{School}\"");
    let found = Mapping::parse(&broken).unwrap().bind(&columns(), &definition(), Limits::default()).unwrap_err();
    let places: BTreeSet<String> = found.iter().map(|refusal| refusal.path.join(".")).collect();
    let expected = ["fields.email.column", "attributes.stars", "only.0.column", "fields.interest.constant", "fields.education"]
        .map(String::from);
    assert_eq!(places, BTreeSet::from(expected));
    assert!(found.iter().any(|refusal| refusal.message.starts_with("the file has no column `E-Mail`; it has: Ref, Status")));
}

#[test]
fn what_every_lead_needs_is_asked_for() {
    let found =
        Mapping::parse("vertical = \"travel/tour\"").unwrap().bind(&columns(), &definition(), Limits::default()).unwrap_err();
    let places: Vec<String> = found.iter().map(|refusal| refusal.path.join(".")).collect();
    assert_eq!(places, ["fields.name", "fields.phone", "fields.interest", "fields.source", "fields.country", "attributes.goal"]);
}

#[test]
fn parse_errors_say_where() {
    let message = |text: &str| Mapping::parse(text).unwrap_err().message;
    assert!(message("vertical = \"a\"\n[fields]\nphon = \"x\"").contains("unknown variant `phon`"));
    assert!(message("vertical = \"a\"\n[fields]\nphon = \"x\"").ends_with("at line 3 column 1"));
    assert!(message("vertical = \"a\"\n[fields]\nphone = { colum = \"x\" }").contains("unknown field `colum`"));
    assert!(message("{\"vertical\": \"a\", \"fields\": {\"phone\": 5}}").contains("the name of a column, or a table"));
    assert!(message("{\"vertical\": 1}").contains("line 1 column 14"));
    assert!(message(&"#".repeat(MAX_MAPPING_BYTES + 1)).starts_with("a mapping has at most"));
}

#[test]
fn json_says_the_same_as_toml() {
    let json = r##"{"vertical": "travel/tour", "fields": {"name": "N", "phone": {"column": "#2"}}, "synthetic": null}"##;
    let toml = "vertical = \"travel/tour\"\n[fields]\nname = \"N\"\nphone = { column = \"#2\" }";
    assert_eq!(Mapping::parse(json), Mapping::parse(toml));
}

#[test]
fn made_up_contacts_are_marked_and_fill_what_the_row_leaves_open() {
    let text = "vertical = \"travel/tour\"\n[synthetic]\nseed = 3\n[fields]\ninterest = { constant = \"ADVICE\" }\n\
                source = { constant = \"EMAIL\" }\ncountry = { constant = \"PT\" }\n[attributes]\ngoal = { constant = \"SEA\" }";
    let mapping = Mapping::parse(text).unwrap();
    let bound = mapping.bind(&["A".to_owned()], &definition(), Limits::default()).unwrap();
    let RowOutcome::Lead(draft) = bound.apply(&["x"], 5, now()) else { panic!() };
    let somebody = person(3, 5);
    assert!(draft.synthetic && draft.contact.name == somebody.name && draft.contact.emails == [somebody.email]);
    let own = Mapping::parse(&text.replace("[attributes]", "email = \"A\"\n[attributes]")).unwrap();
    let bound = own.bind(&["A".to_owned()], &definition(), Limits::default()).unwrap();
    let RowOutcome::Lead(draft) = bound.apply(&["ana@example.org"], 5, now()) else { panic!() };
    assert!(draft.synthetic && draft.contact.name == somebody.name && draft.contact.phones.is_empty());
    assert_eq!(draft.contact.emails, ["ana@example.org"]);
}

#[test]
fn columns_without_or_with_equal_names_are_named_by_place() {
    let mut mapping = Mapping::parse(TOURS).unwrap();
    mapping.file.header = false;
    assert_eq!(mapping.column_names(&["a", "b"]), ["#1", "#2"]);
    mapping.file.header = true;
    assert_eq!(mapping.column_names(&["\u{feff}a ", ""]), ["a", "#2"]);
    let mut twice = columns();
    twice[5] = "Mail".to_owned();
    let found = mapping.bind(&twice, &definition(), Limits::default()).unwrap_err();
    assert!(found.iter().any(|refusal| refusal.message.starts_with("several columns are called `Mail`")));
}

#[test]
fn a_proposal_recognises_columns_by_name_and_by_look() {
    let header = [
        "Lead-Nr",
        "Vorname",
        "Nachname",
        "Handy",
        "Kontakt",
        "Familienstand",
        "Land",
        "Destination",
        "Nächte",
        "Erstellt",
        "Converted",
    ]
    .map(String::from);
    let row = |cells: [&str; 11]| cells.map(String::from).to_vec();
    let rows = [
        row(["1", "Anna", "Zoë", "0151 2345678", "a@b.de", "married", "Germany", "sea", "7", "24.12.2025 10:00", "1"]),
        row(["2", "Bert", "Ott", "0151 2345679", "b@b.de", "k.A.", "Austria", "city break", "14", "13.12.2025 11:30", "0"]),
    ];
    let definition = definition();
    let text = propose(&header, &rows, &FileFormat::default(), &[Candidate { path: "travel/tour", definition: &definition }]);
    let mapping = Mapping::parse(&text).unwrap();
    assert_eq!(mapping.fields[&Target::Name].template.as_deref(), Some("{Vorname} {Nachname}"));
    let column = |target: Target| mapping.fields.get(&target).and_then(|rule| rule.column.as_deref());
    assert_eq!(column(Target::Phone), Some("Handy"));
    assert_eq!(column(Target::Email), Some("Kontakt"));
    assert_eq!(column(Target::MaritalStatus), Some("Familienstand"));
    assert_eq!(column(Target::Country), Some("Land"));
    assert_eq!(column(Target::CapturedAt), Some("Erstellt"));
    assert_eq!(mapping.fields[&Target::CapturedAt].dates, ["%d.%m.%Y %H:%M"]);
    assert_eq!(mapping.attributes["goal"].column.as_deref(), Some("Destination"));
    assert_eq!(mapping.file.missing, ["k.A."]);
    assert!(text.contains("Converted: looks like an outcome"));
    let told = FileFormat { delimiter: "\u{1}".into(), encoding: "windows-1252".into(), skip_lines: 2, ..FileFormat::default() };
    let text = propose(&header, &rows, &told, &[Candidate { path: "travel/tour", definition: &definition }]);
    let file = Mapping::parse(&text).unwrap().file;
    assert_eq!((file.delimiter, file.encoding, file.skip_lines), (told.delimiter, told.encoding, 2));
    mapping.bind(&header, &definition, Limits::default()).unwrap();
}

proptest! {
    #[test]
    fn no_row_panics(cells in prop::collection::vec(".{0,24}", 0..24), ordinal: u64) {
        let row: Vec<&str> = cells.iter().map(String::as_str).collect();
        let _ = tours().apply(&row, ordinal, now());
    }

    #[test]
    fn no_cell_panics(position in 0usize..21, cell in "\\PC{0,40}") {
        let mut row = ROW.to_vec();
        row[position] = &cell;
        if let RowOutcome::Refused(refusals) = tours().apply(&row, 0, now()) {
            prop_assert!(!refusals.is_empty());
        }
    }

    #[test]
    fn no_mapping_panics(text in "\\PC{0,200}") {
        let _ = Mapping::parse(&text);
    }

    #[test]
    fn every_proposal_can_be_read(header in prop::collection::vec(".{0,12}", 1..8), cells in prop::collection::vec(".{0,12}", 16)) {
        let rows: Vec<Vec<String>> = cells.chunks(header.len()).map(<[String]>::to_vec).collect();
        let definition = definition();
        let text = propose(&header, &rows, &FileFormat::default(), &[Candidate { path: "travel/tour", definition: &definition }]);
        prop_assert!(Mapping::parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn an_organization_is_named_by_its_id() {
    let id = OrganizationId(uuid::Uuid::from_u128(7));
    let text = TOURS.replace("interest =", &format!("target_organization = {{ constant = \"{id}\" }}\ninterest ="));
    let bound = Mapping::parse(&text).unwrap().bind(&columns(), &definition(), Limits::default()).unwrap();
    let RowOutcome::Lead(draft) = bound.apply(ROW, 0, now()) else { panic!() };
    assert_eq!(draft.target_organization, Some(id));
}
