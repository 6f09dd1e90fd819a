//! Users, tokens, first administrator.

use super::{Site, at};
use huifang::store::StoreError;
use huifang::store::token::{NewToken, Role};
use sqlx::Row as _;

#[tokio::test]
async fn the_first_administrator_is_made_once_and_can_sign_in() {
    let site = Site::new().await;
    let first = site.store.create_first_administrator().await.unwrap().expect("nobody was there");
    assert!(!format!("{first:?}").contains(&first.password));
    let who = site.store.verify_token(&first.token).await.unwrap().unwrap();
    assert_eq!((who.name.as_str(), who.role), ("admin", Role::Admin));
    assert!(site.store.verify_password("admin", &first.password).await.unwrap().is_some());
    let site = site.reopened().await;
    assert!(site.store.create_first_administrator().await.unwrap().is_none());
    assert!(site.store.verify_token(&first.token).await.unwrap().is_some());
}

#[tokio::test]
async fn no_secret_is_in_the_database() {
    let site = Site::new().await;
    let first = site.store.create_first_administrator().await.unwrap().unwrap();
    let machine = site.store.create_token(&NewToken::of_machine("gateway", Role::Service)).await.unwrap();
    let rows = sqlx::query("SELECT hash AS kept FROM tokens UNION SELECT password_hash FROM users")
        .fetch_all(&site.behind().await)
        .await
        .unwrap();
    let kept: Vec<String> = rows.iter().map(|row| row.get("kept")).collect();
    assert_eq!(kept.len(), 3);
    for secret in [&first.password, &first.token, &machine.secret] {
        assert!(secret.len() >= 32 && !kept.iter().any(|k| k.contains(secret.trim_start_matches("hf_"))));
    }
    assert!(kept.iter().any(|k| k.starts_with("$argon2id$")));
    assert!(!format!("{machine:?}").contains(&machine.secret));
}

#[tokio::test]
async fn a_token_ends_when_it_expires_is_revoked_or_its_user_is_disabled() {
    let site = Site::new().await;
    let user = site.store.create_user("张三", Role::Reviewer, "correct horse battery").await.unwrap();
    let forever = site.store.create_token(&NewToken::of_user(&user, "laptop")).await.unwrap();
    let machine = site.store.create_token(&NewToken::of_machine("gateway", Role::Service)).await.unwrap();
    let signed_in = site.store.sign_in("张三", "correct horse battery", at(60)).await.unwrap().unwrap();
    let valid = async |secret: &str| site.store.verify_token(secret).await.unwrap().map(|p| p.name);
    assert_eq!(valid(&signed_in.secret).await.as_deref(), Some("张三"));
    assert_eq!(valid(&machine.secret).await.as_deref(), Some("gateway"));
    site.clock.set(at(60));
    assert_eq!(valid(&signed_in.secret).await, None, "expired");
    site.store.disable_user("张三").await.unwrap();
    assert_eq!(valid(&forever.secret).await, None, "disabled");
    assert!(site.store.sign_in("张三", "correct horse battery", at(99)).await.unwrap().is_none());
    site.store.revoke_token(&machine.token.id).await.unwrap();
    site.store.revoke_token(&machine.token.id).await.unwrap();
    assert_eq!(valid(&machine.secret).await, None, "revoked");
    assert_eq!(site.store.tokens().await.unwrap().len(), 3, "the rows stay");
    for unknown in ["", "hf_", "Bearer x", &"hf_x".repeat(1000), &machine.secret[..20]] {
        assert_eq!(valid(unknown).await, None);
    }
    assert!(matches!(site.store.revoke_token("nobody").await, Err(StoreError::NotFound { .. })));
    assert!(matches!(site.store.disable_user("nobody").await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn names_are_unique_and_weak_passwords_refused() {
    let site = Site::new().await;
    site.store.create_user("李四", Role::Agent, "a long password").await.unwrap();
    let taken = site.store.create_user("李四", Role::Admin, "a long password").await;
    assert!(matches!(taken, Err(StoreError::Constraint { .. })), "{taken:?}");
    for (name, password) in [
        ("", "a long password"),
        (" 王五", "a long password"),
        ("王\n五", "a long password"),
        ("王五", "short"),
        ("王五", &"x".repeat(2000)),
    ] {
        let refused = site.store.create_user(name, Role::Agent, password).await;
        let Err(error @ StoreError::Invalid { .. }) = refused else { panic!("{name:?} {password:?}") };
        assert!(!error.to_string().contains("short"), "a password is never shown: {error}");
    }
    assert!(site.store.verify_password("李四", "a wrong password").await.unwrap().is_none());
    assert!(site.store.verify_password("nobody", "a long password").await.unwrap().is_none());
    assert_eq!(site.store.users().await.unwrap().len(), 1);
}
