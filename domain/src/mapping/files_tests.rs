//! The mappings of the two files that come with the exchange, against the starter set of verticals.

use super::*;
use crate::lead::{CreditBand, Occupation, admit};
use crate::time::Timestamp;
use crate::vertical::{AttributeValue, StarterVertical, starter_set};

const BANK: &str = include_str!("../../../api/mappings/bank_marketing.toml");
const EDUCATION: &str = include_str!("../../../tests/it/data/x_education.toml");

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn starter(path: &str) -> StarterVertical {
    starter_set().unwrap().into_iter().find(|vertical| vertical.path.as_str() == path).unwrap()
}

fn bound(text: &str, header: &str) -> (Bound, StarterVertical) {
    let mapping = Mapping::parse(text).unwrap();
    let vertical = starter(&mapping.vertical);
    let columns = mapping.column_names(&header.split(',').collect::<Vec<_>>());
    (mapping.bind(&columns, &vertical.definition, Limits::default()).unwrap(), vertical)
}

#[test]
fn a_row_of_the_bank_becomes_a_lead_without_its_outcome() {
    let header = "Cust_num,age,job,marital,education,default,balance,housing,loan,contact,day,month,duration,campaign,pdays,\
                  previous,poutcome,y";
    let (bound, vertical) = bound(BANK, header);
    let row = "7,58,blue-collar,married,unknown,yes,-8019,yes,no,cellular,5,may,261,1,-1,0,unknown,no";
    let RowOutcome::Lead(draft) = bound.apply(&row.split(',').collect::<Vec<_>>(), 6, now()) else { panic!() };
    assert_eq!((draft.demographics.age, draft.demographics.occupation), (Some(58), Some(Occupation::Manual)));
    assert_eq!((draft.demographics.credit_band, draft.demographics.education), (Some(CreditBand::Bad), None));
    assert!(draft.attributes["balance"] == AttributeValue::Int(-8019));
    assert!(draft.attributes["last_contact_month"] == AttributeValue::text("MAY"));
    assert_eq!(draft.attributes.len(), 6);
    assert!(admit(&draft, &vertical.path, &vertical.definition, now()).is_ok());
    assert!(BANK.lines().count() <= 40);
}

#[test]
fn the_outcome_columns_of_the_bank_are_no_input() {
    let mapping = Mapping::parse(BANK).unwrap();
    let rules = mapping.fields.values().chain(mapping.attributes.values());
    let outcomes = ["duration", "campaign", "pdays", "previous", "poutcome", "y"];
    assert!(rules.into_iter().all(|rule| rule.column.as_deref().is_none_or(|column| !outcomes.contains(&column))));
}

#[test]
fn the_mapping_of_the_course_provider_fits_its_vertical() {
    let header = "Prospect ID,Lead Number,Lead Origin,Lead Source,Do Not Email,Do Not Call,Converted,TotalVisits,Total Time Spent \
                  on Website,Page Views Per Visit,Last Activity,Country,Specialization,How did you hear about X Education,What is \
                  your current occupation,What matters most to you in choosing a course,Receive More Updates About Our Courses,\
                  City,A free copy of Mastering The Interview,";
    let (bound, vertical) = bound(EDUCATION, header);
    let row = "a-1,660737,API,Olark Chat,No,Yes,0,5,674,2.5,Email Opened,Asia/Pacific Region,E-COMMERCE,Word Of Mouth,\
               Working Professional,Select,No,Mumbai,Yes,";
    let RowOutcome::Lead(draft) = bound.apply(&row.split(',').collect::<Vec<_>>(), 0, now()) else { panic!() };
    assert_eq!((draft.geography.country.as_deref(), draft.session.site_secs), (Some("IN"), Some(674)));
    assert!(draft.attributes["pages_per_visit_hundredths"] == AttributeValue::Int(250));
    assert!(draft.attributes["specialization"] == AttributeValue::text("ECOMMERCE"));
    assert_eq!(draft.consent.as_ref().unwrap().refused_channels.len(), 1);
    assert!(admit(&draft, &vertical.path, &vertical.definition, now()).is_ok());
    assert!(EDUCATION.lines().count() <= 40);
}
