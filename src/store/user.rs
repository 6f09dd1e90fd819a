//! People who may sign in: name, role, and an argon2 hash of the password. Tokens are in [`super::token`].

use super::row::{Row, Stored, decode, decode_all, ms};
use super::token::{IssuedToken, NewToken, Role};
use super::{Doing, Result, Store, StoreError, Tx};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

/// Shorter passwords are refused.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Longer ones too: hashing must not become a way to keep us busy.
const PASSWORD_BYTES_MAX: usize = 1024;
const NAME_CHARS_MAX: usize = 64;
const FIRST_ADMINISTRATOR: &str = "admin";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

/// What is shown once, when the first administrator is made. `Debug` hides the secrets.
pub struct FirstAdministrator {
    pub name: String,
    pub password: String,
    pub token: String,
}

impl Stored for User {
    const TABLE: &'static str = "users";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for User {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.text("id")?,
            name: row.text("name")?,
            role: row.name("role")?,
            created_at: row.instant("created_at")?,
            disabled_at: row.maybe_instant("disabled_at")?,
        })
    }
}

/// A user with the hash, which never leaves this file.
struct Login {
    user: User,
    hash: String,
}

impl Stored for Login {
    const TABLE: &'static str = "users";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for Login {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self { hash: row.text("password_hash")?, user: User::try_from(row)? })
    }
}

impl Store {
    /// Makes the first administrator with a random password and a token; `None` when there is a user already.
    pub async fn create_first_administrator(&self) -> Result<Option<FirstAdministrator>> {
        let password = random_secret();
        let hash = hash_password(password.clone()).await?;
        let mut tx = self.begin().await?;
        let users: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(tx.conn()).await.doing("count users")?;
        if users > 0 {
            return Ok(None);
        }
        let user = tx.insert_user(FIRST_ADMINISTRATOR, Role::Admin, &hash).await?;
        let token = tx.create_token(&NewToken::of_user(&user, "first administrator")).await?;
        tx.commit().await?;
        Ok(Some(FirstAdministrator { name: user.name, password, token: token.secret }))
    }

    /// # Errors
    /// [`StoreError::Constraint`] when the name is taken, [`StoreError::Invalid`] for a name or password that will not do.
    pub async fn create_user(&self, name: &str, role: Role, password: &str) -> Result<User> {
        check_name(name)?;
        check_password(password)?;
        let hash = hash_password(password.to_string()).await?;
        let mut tx = self.begin().await?;
        let user = tx.insert_user(name, role, &hash).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// The user with this name and password; `None` for a wrong or disabled one. Takes as long for an unknown name.
    pub async fn verify_password(&self, name: &str, password: &str) -> Result<Option<User>> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(None);
        }
        let row = sqlx::query("SELECT * FROM users WHERE name = $1 AND disabled_at IS NULL")
            .bind(name)
            .fetch_optional(&self.readers)
            .await
            .doing("read user")?;
        let Some(login) = row.as_ref().map(decode::<Login>).transpose()? else {
            hash_password(password.to_string()).await?;
            return Ok(None);
        };
        let right = password_matches(password.to_string(), login.hash, &login.user.id).await?;
        Ok(right.then_some(login.user))
    }

    /// Signs a person in: a token that lasts until `expires_at`. `None` for a wrong name or password.
    pub async fn sign_in(&self, name: &str, password: &str, expires_at: Timestamp) -> Result<Option<IssuedToken>> {
        let Some(user) = self.verify_password(name, password).await? else { return Ok(None) };
        let token = NewToken { expires_at: Some(expires_at), ..NewToken::of_user(&user, "sign-in") };
        self.create_token(&token).await.map(Some)
    }

    /// Every user, by name.
    pub async fn users(&self) -> Result<Vec<User>> {
        let rows =
            sqlx::query("SELECT * FROM users ORDER BY name").fetch_all(&self.readers).await.doing("read users")?;
        decode_all(&rows)
    }

    /// Shuts a person out: the password and every token stop at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown name.
    pub async fn disable_user(&self, name: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let done = sqlx::query("UPDATE users SET disabled_at = COALESCE(disabled_at, $1) WHERE name = $2")
            .bind(now)
            .bind(name)
            .execute(tx.conn())
            .await
            .doing("disable user")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::NotFound { table: "users", id: name.to_string() });
        }
        tx.commit().await
    }
}

impl Tx {
    async fn insert_user(&mut self, name: &str, role: Role, hash: &str) -> Result<User> {
        let user = User { id: self.new_id(), name: name.into(), role, created_at: self.now(), disabled_at: None };
        sqlx::query("INSERT INTO users (id, name, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(user.id.as_str())
            .bind(name)
            .bind(role.name())
            .bind(hash)
            .bind(ms(user.created_at))
            .execute(self.conn())
            .await
            .doing("insert user")?;
        Ok(user)
    }
}

impl std::fmt::Debug for FirstAdministrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstAdministrator").field("name", &self.name).finish_non_exhaustive()
    }
}

fn check_name(name: &str) -> Result<()> {
    let invalid = |why| Err(StoreError::Invalid { what: "name", value: name.chars().take(80).collect(), why });
    match name {
        n if n.trim().is_empty() || n.trim() != n => invalid("empty, or blank at an end"),
        n if n.chars().count() > NAME_CHARS_MAX => invalid("longer than 64 characters"),
        n if n.chars().any(char::is_control) => invalid("has a control character"),
        _ => Ok(()),
    }
}

fn check_password(password: &str) -> Result<()> {
    let fits = password.chars().count() >= PASSWORD_CHARS_MIN && password.len() <= PASSWORD_BYTES_MAX;
    let why = "want 10 to 1024 characters";
    if fits { Ok(()) } else { Err(StoreError::Invalid { what: "password", value: "***".into(), why }) }
}

/// 24 random bytes as text: nobody guesses it, and it can be typed once.
fn random_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
}

/// On a blocking thread: argon2 is meant to take its time.
async fn hash_password(password: String) -> Result<String> {
    let failed = |why: String| StoreError::Sql { doing: "hash password", why };
    tokio::task::spawn_blocking(move || Argon2::default().hash_password(password.as_bytes()).map(|h| h.to_string()))
        .await
        .map_err(|e| failed(e.to_string()))?
        .map_err(|e| failed(e.to_string()))
}

async fn password_matches(password: String, hash: String, user_id: &str) -> Result<bool> {
    let corrupt =
        |why: String| StoreError::Corrupt { table: "users", row: user_id.to_string(), column: "password_hash", why };
    tokio::task::spawn_blocking(move || {
        let hash = PasswordHash::new(&hash).map_err(|e| e.to_string())?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    })
    .await
    .map_err(|e| corrupt(e.to_string()))?
    .map_err(corrupt)
}
