use super::*;
use crate::crm::testing::{lead, render};
use crate::crm::{Attribute, Destination, Kind, Lead, Policy, Secrets, Source};
use proptest::prelude::*;

fn row(csv: Csv, lead: &Lead) -> Row {
    match render(&Kind::Csv(csv).into(), &Secrets::new(), lead, &Stage::First).unwrap() {
        Step::Row(row) => row,
        other => panic!("{other:?}"),
    }
}

fn read(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(ToOwned::to_owned).collect()).collect()
}

#[test]
fn a_file_has_a_header_and_guarded_rows() {
    let text = file(&[row(Csv::default(), &lead())]);
    let expected = "lead_id,trade_id,idempotency_key,bought_at,submitted_at,vertical,first_name,last_name,phone,email,country,region,city,postal_code,\
                    language,price,currency,summary,test\r\n\
                    lead_sample,trade_sample,dlv-1,2027-01-15T08:01:00Z,2027-01-15T08:00:00Z,auto/used,Erika,Mustermann,'+12025550143,\
                    erika@example.com,DE,Berlin,Berlin,10115,de,25.00,EUR,\"Year: 2021\nMake: Volkswagen\nModel: Golf\",false\r\n";
    assert_eq!(text, expected);
}

#[test]
fn no_cell_starts_a_formula() {
    for cell in ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1"] {
        assert_eq!(guard(cell), format!("'{cell}"));
        assert_eq!(unguard(&guard(cell)), cell);
    }
    assert_eq!(guard("Erika"), "Erika");
    let named = Lead { first_name: Some("=HYPERLINK(\"http://evil.example\")".into()), ..lead() };
    assert_eq!(row(Csv::default(), &named).cells[6], "'=HYPERLINK(\"http://evil.example\")");
    assert_eq!(row(Csv { guard: false, ..Csv::default() }, &lead()).cells[8], "+12025550143");
    let destination = Destination { mapping: Some(Mapping::of(&[("=cmd", Core::City)])), ..Kind::Csv(Csv::default()).into() };
    let Step::Row(row) = render(&destination, &Secrets::new(), &lead(), &Stage::First).unwrap() else { unreachable!() };
    assert_eq!(row.columns, ["'=cmd"]);
}

#[test]
fn columns_stay_when_values_are_absent() {
    let bare = Lead { phones: vec![], emails: vec![], city: None, ..lead() };
    let (full, bare) = (row(Csv::default(), &lead()), row(Csv::default(), &bare));
    assert_eq!((bare.columns.len(), bare.cells.len()), (full.columns.len(), full.cells.len()));
    assert_eq!(bare.cells[8], "");
    let other = Row { columns: vec!["x".into()], cells: vec!["y".into()], delimiter: ',' };
    assert_eq!(read(&file(&[full, other, bare]), b',').len(), 3);
    assert_eq!(file(&[]), "");
}

#[test]
fn settings_are_checked() {
    let of = |delimiter| Destination::from(Kind::Csv(Csv { delimiter, guard: true })).check(&Policy::default()).len();
    assert_eq!((of(','), of(';'), of('\t'), of('x')), (0, 0, 0, 1));
    let secret = Mapping::default().and("k", Source::Secret { name: "key".into() });
    let destination = Destination { mapping: Some(secret), ..Kind::Csv(Csv::default()).into() };
    assert_eq!(destination.check(&Policy::default())[0].path, "mapping.0.source");
}

proptest! {
    #[test]
    fn files_give_back_what_went_in(first in any::<String>(), last in any::<String>(), value in any::<String>(), delimiter in prop::sample::select(vec![',', ';', '|', '\t'])) {
        let attributes = vec![Attribute { key: "k".into(), label: "K".into(), value: value.clone() }];
        let lead = Lead { first_name: Some(first.clone()), last_name: Some(last.clone()), attributes, ..lead() };
        let made = row(Csv { delimiter, guard: true }, &lead);
        let records = read(&file(&[made.clone(), made]), u8::try_from(delimiter).unwrap());
        prop_assert_eq!(records.len(), 3);
        let expected = |text: &str| if text.trim().is_empty() { String::new() } else { text.to_owned() };
        for record in &records[1..] {
            prop_assert_eq!(unguard(&record[6]), expected(&first));
            prop_assert_eq!(unguard(&record[7]), expected(&last));
            prop_assert_eq!(unguard(&record[17]), format!("K: {value}"));
            prop_assert!(record.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])));
        }
    }
}
