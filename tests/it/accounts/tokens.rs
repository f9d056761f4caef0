//! Bearer tokens that are none, and keys that rotate.

use api::auth::AccessTokens;
use domain::refusal::Code;
use domain::time::plus_secs;

use super::{PASSWORD, Tokens, bearer, log_in, register};
use crate::harness::on_each_backend;

on_each_backend! {
    async fn forged_and_foreign_tokens_are_refused(x: Exchange) {
        let tokens = register(&x, "ada@example.com").await;
        let [header, body, signature] = tokens.access.split('.').collect::<Vec<_>>()[..] else { panic!("{}", tokens.access) };
        // {"alg":"none","typ":"at+jwt"}
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
        let flipped = signature.strip_prefix('A').map_or_else(|| format!("A{}", &signature[1..]), |rest| format!("B{rest}"));
        let forged = [
            format!("{none}.{body}."),
            format!("{header}.{body}."),
            format!("{header}.{body}.{flipped}"),
            format!("{header}.{body}"),
            String::new(),
            "Bearer".into(),
            tokens.refresh.clone(),
            "clk_".into(),
            format!("clk_{}", "0".repeat(64)),
            "x".repeat(5_000),
        ];
        for token in forged {
            assert_eq!(bearer(&x.app, &token).await, Err(Code::Unauthenticated), "{token}");
        }
        assert!(bearer(&x.app, &tokens.access).await.is_ok());
    }

    async fn a_token_for_another_audience_or_issuer_is_refused(x: Exchange) {
        let tokens = register(&x, "ada@example.com").await;
        let keys = x.app.signing_keys().await.unwrap();
        let claims = AccessTokens::new(&x.app.config.server, &x.app.config.auth).verify(&keys, &tokens.access, x.app.now()).unwrap();
        let sign = |change: fn(&mut api::config::Config)| {
            let mut config = (*x.app.config).clone();
            change(&mut config);
            let other = AccessTokens::new(&config.server, &config.auth);
            other.sign(&keys, claims.sub, claims.sid, claims.org, x.app.now()).unwrap().0
        };
        assert!(bearer(&x.app, &sign(|_| ())).await.is_ok());
        assert_eq!(bearer(&x.app, &sign(|config| config.auth.audience = "another-api".into())).await, Err(Code::Unauthenticated));
        assert_eq!(bearer(&x.app, &sign(|config| config.server.public_url = "https://evil.example".into())).await, Err(Code::Unauthenticated));
    }

    async fn a_rotation_logs_nobody_out_and_reaches_every_process(x: Exchange) {
        let before = register(&x, "ada@example.com").await;
        let other = x.second_process().await;
        assert!(bearer(&other, &before.access).await.is_ok());
        let old = x.app.signing_keys().await.unwrap().active().unwrap().kid.clone();
        let new = x.app.signing_keys_rotate().await.unwrap();
        assert_ne!(old, new);
        let after = Tokens::of(&log_in(&x, "ada@example.com", PASSWORD).await["session"]);
        assert_eq!(x.app.signing_keys().await.unwrap().active().unwrap().kid, new);
        x.clock.advance_secs(2);
        for process in [&x.app, &other] {
            assert!(bearer(process, &before.access).await.is_ok());
            assert!(bearer(process, &after.access).await.is_ok());
        }
        let published = x.app.signing_keys().await.unwrap().jwks();
        assert_eq!(published["keys"].as_array().unwrap().len(), 2);
        // Long after the last token of the old key it is forgotten.
        x.clock.set(plus_secs(x.app.now(), 900 + 600 + 1));
        let published = other.signing_keys().await.unwrap().jwks();
        assert_eq!(published["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect::<Vec<_>>(), [new]);
    }

    async fn no_secret_lies_in_the_database_in_the_clear(x: Exchange) {
        let tokens = register(&x, "ada@example.com").await;
        let text = x.dump(&["session", "refresh_token", "signing_key", "account_user", "throttle", "job"]).await;
        assert!(text.contains("$argon2id$"));
        for secret in [PASSWORD, tokens.access.as_str(), tokens.refresh.as_str()] {
            assert!(!text.contains(secret));
        }
    }
}
