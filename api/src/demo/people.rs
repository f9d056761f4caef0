//! The real input: what a bank's agency knew of the people it called, and what became of them.

use std::io::Read;

use flate2::read::GzDecoder;
use serde::Deserialize;

use super::DemoError;

/// S. Moro, P. Rita, P. Cortez: Bank Marketing, UCI Machine Learning Repository, 2014, doi 10.24432/C5K306, CC BY 4.0.
const FILE: &[u8] = include_bytes!("../../data/bank_marketing.csv.gz");

/// Rows of the file.
pub(crate) const ROWS: usize = 45_211;

/// One person of the file.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Record {
    #[serde(rename = "Cust_num")]
    pub(crate) reference: u32,
    pub(crate) age: u8,
    pub(crate) job: String,
    pub(crate) marital: String,
    pub(crate) education: String,
    pub(crate) default: String,
    pub(crate) balance: i64,
    pub(crate) housing: String,
    pub(crate) loan: String,
    pub(crate) contact: String,
    pub(crate) month: String,
    #[serde(rename = "duration")]
    pub(crate) talk_secs: u32,
    #[serde(rename = "campaign")]
    pub(crate) calls: u32,
    #[serde(rename = "y", deserialize_with = "yes")]
    pub(crate) buys: bool,
}

/// `rows` people of the file, spread evenly over it; all of them when it has fewer.
pub(crate) fn read(rows: usize) -> Result<Vec<Record>, DemoError> {
    let rows = rows.min(ROWS);
    let mut taken = Vec::with_capacity(rows);
    let mut reader = csv::Reader::from_reader(GzDecoder::new(FILE).take(u64::from(u32::MAX)));
    for (index, record) in reader.deserialize().enumerate() {
        let record: Record = record.map_err(|error| DemoError::Input(error.to_string()))?;
        let before = index.saturating_mul(rows).checked_div(ROWS);
        let after = index.saturating_add(1).saturating_mul(rows).checked_div(ROWS);
        if before != after {
            taken.push(record);
        }
    }
    Ok(taken)
}

fn yes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(String::deserialize(deserializer)? == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_described() {
        let all = read(usize::MAX).unwrap();
        assert_eq!((all.len(), all.iter().filter(|person| person.buys).count()), (45_211, 5_289));
        let some = read(300).unwrap();
        assert_eq!(some.len(), 300);
        assert!(some.iter().any(|person| person.contact == "cellular") && some.iter().any(|person| person.month == "apr"));
    }
}
