//! The statement as CSV over HTTP.

use api::http::statement::routes;
use domain::id::CorrectionId;
use domain::ledger::{Account, AccountKind, event};
use store::WriteError;
use store::ledger::{Note, post};
use uuid::Uuid;

use crate::harness::{Actor, Exchange, get, on_each_backend};
use crate::ledger::market::{EUR, fund};

async fn serve(x: &Exchange, who: &Actor) -> String {
    format!("{}/wallet/statement.csv", x.listen(routes, &[("good", who)]).await)
}

on_each_backend! {
    async fn a_statement_is_downloaded_whole_and_harmless(x: Exchange) {
        let company = x.organization("B").await;
        for n in 1..=3 {
            fund(&x.app, company.org(), n * 100).await;
        }
        let losses = Account::exchange(AccountKind::Losses, EUR);
        let own = Account::of(company.org(), AccountKind::Available, EUR);
        let fix = event::correction(CorrectionId(Uuid::from_u128(5)), &[(own, 50)], losses).unwrap();
        let done: Result<_, WriteError> = x.app.store.write("fix", move |tx| {
            let fix = fix.clone();
            let note = Note { memo: Some("=HYPERLINK(\"http://x\", \"y\")".into()), recorded_by: None };
            async move { post(&tx, &fix, note).await }
        }).await;
        let journal = done.unwrap();
        let url = serve(&x, &company).await;
        let (status, table) = get(&url, Some("good")).await;
        assert_eq!(status, 200);
        let lines: Vec<&str> = table.split("\r\n").collect();
        assert_eq!(lines[0], "time,kind,subject,amount,balance,currency,journal,memo");
        assert_eq!(lines.len(), 6);
        assert!(lines[3].starts_with("2026-03-02T09:00:00.000000Z,DEPOSIT,dep_") && lines[3].contains(",3.00,6.00,EUR,jrn_"), "{}", lines[3]);
        let fixed = format!("2026-03-02T09:00:00.000000Z,CORRECTION,{},-0.50,5.50,EUR,{journal},\"'=HYPERLINK(\"\"http://x\"\", \"\"y\"\")\"", CorrectionId(Uuid::from_u128(5)));
        assert_eq!(lines[4], fixed);
        let (status, empty) = get(&format!("{url}?account=ESCROW&currency=USD"), Some("good")).await;
        assert_eq!((status, empty.as_str()), (200, "time,kind,subject,amount,balance,currency,journal,memo\r\n"));
    }

    async fn a_download_needs_a_log_in_and_sense(x: Exchange) {
        let (company, other) = (x.organization("B").await, x.organization("Other").await);
        let url = serve(&x, &company).await;
        assert_eq!(get(&url, None).await.0, 401);
        assert_eq!(get(&url, Some("bad")).await.0, 401);
        for (query, status) in [("account=MOON", 400), ("currency=ZZZ", 400), ("what=1", 400), ("organizationId=org_1", 400)] {
            assert_eq!(get(&format!("{url}?{query}"), Some("good")).await.0, status, "{query}");
        }
        assert_eq!(get(&format!("{url}?organizationId={}", other.org()), Some("good")).await.0, 404);
        let agent = x.member(company.org(), domain::access::Role::Agent).await;
        let url = serve(&x, &agent).await;
        assert_eq!(get(&url, Some("good")).await.0, 403);
    }
}
