//! API tokens: opaque, random, kept only as SHA-256. A token carries a name and a role, with or without a user behind it.

use super::row::{Row, Stored, decode, decode_all, maybe_ms, ms};
use super::user::User;
use super::{Doing, Result, Store, StoreError, Tx};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Makes a leaked token recognisable to a scanner.
const PREFIX: &str = "hf_";
/// Longer texts are not looked up.
const TOKEN_CHARS_MAX: usize = 128;

/// What a caller may do; which role may do what is decided where the request is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Supervisor,
    Reviewer,
    Agent,
    /// A machine: the dispatcher, an SMS gateway.
    Service,
}

impl Role {
    pub const ALL: [Role; 5] = [Self::Admin, Self::Supervisor, Self::Reviewer, Self::Agent, Self::Service];

    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Reviewer => "reviewer",
            Self::Agent => "agent",
            Self::Service => "service",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == text)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewToken {
    pub name: String,
    pub role: Role,
    /// Id of the user who signs with it; `None` for a machine.
    pub user_id: Option<String>,
    /// `None` = until revoked.
    pub expires_at: Option<Timestamp>,
}

impl NewToken {
    pub fn of_machine(name: &str, role: Role) -> Self {
        Self { name: name.into(), role, user_id: None, expires_at: None }
    }
    pub fn of_user(user: &User, name: &str) -> Self {
        Self { name: name.into(), role: user.role, user_id: Some(user.id.clone()), expires_at: None }
    }
}

/// A new token with its secret, which is shown once and not kept. `Debug` hides it.
pub struct IssuedToken {
    pub secret: String,
    pub token: Token,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub user_id: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub token_id: String,
    /// The user's name, or the token's when no user stands behind it; the actor in the audit log.
    pub name: String,
    pub role: Role,
}

impl Stored for Token {
    const TABLE: &'static str = "tokens";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for Token {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            name: row.text("name")?,
            role: row.name("role")?,
            user_id: row.maybe_text("user_id")?,
            created_at: row.instant("created_at")?,
            expires_at: row.maybe_instant("expires_at")?,
            revoked_at: row.maybe_instant("revoked_at")?,
        })
    }
}

impl Stored for Principal {
    const TABLE: &'static str = "tokens";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for Principal {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self { token_id: row.text("id")?, name: row.text("name")?, role: row.name("role")? })
    }
}

impl Store {
    pub async fn create_token(&self, new: &NewToken) -> Result<IssuedToken> {
        let mut tx = self.begin().await?;
        let issued = tx.create_token(new).await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// Who shows this token; `None` when it is unknown, expired or revoked, or its user is disabled.
    pub async fn verify_token(&self, secret: &str) -> Result<Option<Principal>> {
        if !secret.starts_with(PREFIX) || secret.len() > TOKEN_CHARS_MAX {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT t.id AS id, COALESCE(u.name, t.name) AS name, t.role AS role
             FROM tokens t LEFT JOIN users u ON u.id = t.user_id
             WHERE t.hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
                 AND u.disabled_at IS NULL",
        )
        .bind(hash(secret))
        .bind(ms(self.now()))
        .fetch_optional(&self.readers)
        .await
        .doing("verify token")?;
        row.as_ref().map(decode).transpose()
    }

    /// Every token, the newest first.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        let rows = sqlx::query("SELECT * FROM tokens ORDER BY created_at DESC, id DESC")
            .fetch_all(&self.readers)
            .await
            .doing("read tokens")?;
        decode_all(&rows)
    }

    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id. Revoking twice is no error.
    pub async fn revoke_token(&self, id: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let done = sqlx::query("UPDATE tokens SET revoked_at = COALESCE(revoked_at, $1) WHERE id = $2")
            .bind(now)
            .bind(id)
            .execute(tx.conn())
            .await
            .doing("revoke token")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::NotFound { table: "tokens", id: id.to_string() });
        }
        tx.commit().await
    }
}

impl Tx {
    pub(super) async fn create_token(&mut self, new: &NewToken) -> Result<IssuedToken> {
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let token = Token {
            id: self.new_id(),
            name: new.name.clone(),
            role: new.role,
            user_id: new.user_id.clone(),
            created_at: self.now(),
            expires_at: new.expires_at,
            revoked_at: None,
        };
        sqlx::query(
            "INSERT INTO tokens (id, hash, name, role, user_id, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(token.id.as_str())
        .bind(hash(&secret))
        .bind(token.name.as_str())
        .bind(token.role.name())
        .bind(token.user_id.as_deref())
        .bind(ms(token.created_at))
        .bind(maybe_ms(token.expires_at))
        .execute(self.conn())
        .await
        .doing("create token")?;
        Ok(IssuedToken { secret, token })
    }
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("token", &self.token).finish_non_exhaustive()
    }
}

/// Tokens are random: a plain hash is enough, and looking the hash up leaks nothing by its timing.
fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
