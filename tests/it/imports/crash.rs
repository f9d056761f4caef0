use api::app::imports::ImportRun;
use serde_json::json;

use super::{MAPPING, import, look, people, put, seller, tally, work};
use crate::harness::on_each_backend;

on_each_backend! {
    async fn another_process_goes_on_behind_the_last_batch(x: Exchange) {
        let seller = seller(&x).await;
        let upload = put(&x, &seller, people(1_200).as_bytes()).await;
        let queued = import(&x, &seller, &upload, MAPPING).await;
        let id = queued["import"]["id"].as_str().unwrap();
        let mut run = ImportRun::claim(&x.app, None).await.unwrap().unwrap();
        assert!(run.step().await.unwrap());
        drop(run);
        assert_eq!(tally(&look(&x, &seller, id).await), [500, 500, 0, 0, 0]);
        let second = x.second_process().await;
        assert!(ImportRun::claim(&second, None).await.unwrap().is_none(), "the first one's lease still holds");
        x.clock.advance_secs(60);
        let mut run = ImportRun::claim(&second, None).await.unwrap().unwrap();
        while run.step().await.unwrap() {}
        let done = look(&x, &seller, id).await;
        assert_eq!((done["state"].as_str(), tally(&done)), (Some("DONE"), [1_200, 1_200, 0, 0, 0]));
        assert_eq!(x.count("lead").await, 1_200);
    }

    async fn a_worker_that_lost_its_lease_writes_nothing(x: Exchange) {
        let seller = seller(&x).await;
        let upload = put(&x, &seller, people(700).as_bytes()).await;
        import(&x, &seller, &upload, MAPPING).await;
        let mut slow = ImportRun::claim(&x.app, None).await.unwrap().unwrap();
        x.clock.advance_secs(60);
        let second = x.second_process().await;
        let mut other = ImportRun::claim(&second, None).await.unwrap().unwrap();
        assert!(!slow.step().await.unwrap());
        assert_eq!(x.count("lead").await, 0);
        while other.step().await.unwrap() {}
        assert_eq!(x.count("lead").await, 700);
    }

    async fn a_stopped_import_keeps_what_it_has_and_can_be_asked_for_again(x: Exchange) {
        let seller = seller(&x).await;
        let upload = put(&x, &seller, people(900).as_bytes()).await;
        let queued = import(&x, &seller, &upload, MAPPING).await;
        let id = queued["import"]["id"].as_str().unwrap();
        let mut run = ImportRun::claim(&x.app, None).await.unwrap().unwrap();
        assert!(run.step().await.unwrap());
        let cancel = "mutation($id: ID!) { importCancel(input: { importId: $id }) { import { state } userErrors { code } } }";
        for _ in 0..2 {
            let stopped = seller.run(&x, cancel, json!({ "id": id })).await;
            assert_eq!(stopped["importCancel"], json!({ "import": { "state": "CANCELLED" }, "userErrors": [] }));
        }
        assert!(!run.step().await.unwrap());
        assert_eq!((x.count("lead").await, tally(&look(&x, &seller, id).await)), (500, [500, 500, 0, 0, 0]));
        let again = import(&x, &seller, &upload, MAPPING).await;
        assert_ne!(again["import"]["id"], queued["import"]["id"]);
        work(&x).await;
        let done = look(&x, &seller, again["import"]["id"].as_str().unwrap()).await;
        assert_eq!(tally(&done), [900, 400, 0, 500, 0]);
        let late = seller.run(&x, cancel, json!({ "id": done["id"] })).await;
        assert_eq!(late["importCancel"]["userErrors"][0]["code"], "WRONG_STATE");
    }
}
