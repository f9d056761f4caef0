//! A large file: how fast it is taken, and that memory does not grow with it.

use std::io::Write;
use std::time::Instant;

use api::app::imports::{ImportRun, LeadsImport, leads_import};
use api::app::uploads::{UploadCreate, UploadProof, upload_create, upload_put};
use domain::id::UploadId;
use domain::upload::UploadPurpose;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio_util::io::ReaderStream;

use crate::figures::Report;
use crate::stage::{Company, Stage};
use crate::{Failure, memory};

const MAPPING: &str = r#"
vertical = "finance/deposit"
[file]
phone_region = "PT"
[fields]
name = "Name"
phone = "Phone"
email = "Email"
age = "Age"
seller_reference = "Ref"
interest = { constant = "ADVICE" }
source = { constant = "SEARCH_AD" }
country = { constant = "PT" }
consent_text = { constant = "I agree that my details are passed on." }
[attributes]
balance = "Balance"
"#;

/// Parts in which the progress is printed.
const PARTS: u64 = 10;

pub(crate) async fn measure(stage: &Stage, rows: u32, json: bool) -> Result<(), Failure> {
    let seller = stage.company("Agency").await?;
    let upload = put(stage, &seller, rows).await?;
    let mut report = Report::new("import", vec![format!("clearlead {}", env!("CARGO_PKG_VERSION"))]);
    run(stage, &seller, upload, MAPPING, u64::from(rows), &mut report, "first time").await?;
    run(stage, &seller, upload, &format!("{MAPPING}\n# again\n"), u64::from(rows), &mut report, "again").await?;
    report.finish(json)
}

async fn put(stage: &Stage, seller: &Company, rows: u32) -> Result<UploadId, Failure> {
    let mut file = tempfile::NamedTempFile::new()?;
    let mut text = GzEncoder::new(&mut file, Compression::fast());
    writeln!(text, "Ref,Name,Phone,Email,Age,Balance")?;
    for row in 0..rows {
        let (age, balance) = (20_u32.wrapping_add(row % 60), row % 9_000);
        writeln!(text, "r{row},Ana Alves,91{row:07},ana{row}@example.pt,{age},{balance}")?;
    }
    text.finish()?;
    let create = UploadCreate { purpose: UploadPurpose::Leads, file_name: "people.csv.gz".to_owned() };
    let awaited = upload_create(&stage.app, &seller.caller, create).await?;
    let size = file.as_file().metadata()?.len();
    let body = ReaderStream::new(tokio::fs::File::open(file.path()).await?);
    let proof = UploadProof::Token(awaited.token);
    Ok(upload_put(&stage.app, &proof, awaited.upload.upload.id, Some(size), Box::pin(body)).await?.id)
}

/// Imports the file and tells of each part of it.
async fn run(
    stage: &Stage,
    seller: &Company,
    upload: UploadId,
    mapping: &str,
    rows: u64,
    report: &mut Report,
    time: &str,
) -> Result<(), Failure> {
    let queued = leads_import(&stage.app, &seller.caller, LeadsImport { upload, mapping: mapping.to_owned() }).await?;
    let mut run = ImportRun::claim(&stage.app, Some(queued.id)).await?.ok_or("the import cannot be claimed")?;
    memory::forget_peak();
    let started = Instant::now();
    let (mut since, mut before, mut part) = (started, 0_u64, 1_u64);
    loop {
        let more = run.step().await?;
        let read = run.import().tally.read();
        if read >= rows.saturating_mul(part) / PARTS && read > before {
            let rate = read.saturating_sub(before) as f64 / since.elapsed().as_secs_f64();
            report.figure(format!("{time}, rows up to {read}"), rate, "1/s");
            if let Some(mib) = memory::peak_mib() {
                report.figure(format!("{time}, peak of memory up to {read}"), mib as f64, "MiB");
            }
            memory::forget_peak();
            (since, before, part) = (Instant::now(), read, part.saturating_add(1));
        }
        if !more {
            let tally = run.import().tally;
            report.figure(format!("{time}, all rows"), read as f64 / started.elapsed().as_secs_f64(), "1/s");
            for (what, count) in [("accepted", tally.accepted), ("refused", tally.refused), ("duplicate", tally.duplicate)] {
                report.figure(format!("{time}, {what}"), count as f64, "rows");
            }
            return Ok(());
        }
    }
}
