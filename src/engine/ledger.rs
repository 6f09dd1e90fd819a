//! What a person may ask of the wishes not to be called and of the promises: the contract between the door and the engine.
//!
//! Contract: every command is decided on what is stored, saved with its entry in the log, and announced before it answers. A wish closes
//! the visits that it forbids; a promise that is settled closes the visit that would have kept it. `by` is the name of the caller.
//! Deliberately not here: who may ask (`http`), what is heard in calls ([`super::promises`]).

use super::Engine;
use super::handle::CommandError;
use super::promises::{Draft, When, drop_visit, event_of, make};
use crate::domain::id::{CallId, OptOutId, OrderNo, PromiseId, VisitId};
use crate::domain::opt_out::{OptOut, Scope, Source};
use crate::domain::phone::Phone;
use crate::domain::promise::{self, Kind, Promise, Source as PromiseSource};
use crate::store::{StoreError, whole_ms};
use async_trait::async_trait;
use jiff::Timestamp;

/// Whose telephone is not to be called, or which order's.
#[derive(Clone, Debug, PartialEq)]
pub enum Whose {
    Number(Phone),
    Order(OrderNo),
}

/// For how much.
#[derive(Clone, Debug, PartialEq)]
pub enum NewWish {
    /// The number is the visit's.
    Visit(VisitId),
    Programme(Whose, String),
    Never(Whose),
}

/// A promise entered by hand.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPromise {
    pub order_no: OrderNo,
    pub call: Option<CallId>,
    pub what: String,
    /// Who promised; the caller unless told.
    pub promised_by: Option<String>,
    pub owner: Option<String>,
    pub promised_at: Option<Timestamp>,
    pub due_at: Option<Timestamp>,
}

/// The commands.
#[async_trait]
pub trait Ledger: Send + Sync {
    async fn opt_out(&self, wish: NewWish, why: &str, by: &str) -> Result<OptOut, CommandError>;
    /// The wish is kept; from now on it forbids nothing.
    async fn withdraw_opt_out(&self, id: &OptOutId, why: &str, by: &str) -> Result<OptOut, CommandError>;

    async fn promise(&self, new: NewPromise, by: &str) -> Result<Promise, CommandError>;
    /// A20: `told` is what the customer was told, `at` when; now unless told.
    async fn tell(&self, id: &PromiseId, told: &str, at: Option<Timestamp>, by: &str) -> Result<Promise, CommandError>;
    /// A18.
    async fn confirm(&self, id: &PromiseId, engineer: &str, note: &str, by: &str) -> Result<Promise, CommandError>;
    async fn withdraw(&self, id: &PromiseId, why: &str, by: &str) -> Result<Promise, CommandError>;
    async fn assign(&self, id: &PromiseId, owner: &str, by: &str) -> Result<Promise, CommandError>;
}

#[async_trait]
impl Ledger for Engine {
    async fn opt_out(&self, wish: NewWish, why: &str, by: &str) -> Result<OptOut, CommandError> {
        let (phone, scope) = match wish {
            NewWish::Visit(id) => {
                let visit = self.store.visit(&id).await?;
                (self.number_of(Whose::Order(visit.order_no)).await?, Scope::Visit(id))
            }
            NewWish::Programme(whose, name) => {
                if self.site().rules.programmes.get(&name).is_none() {
                    let detail = format!("there is no programme {name:?}");
                    return Err(CommandError::Invalid { field: "programme", detail });
                }
                (self.number_of(whose).await?, Scope::Programme(name))
            }
            NewWish::Never(whose) => (self.number_of(whose).await?, Scope::Never),
        };
        let wish = OptOut {
            id: OptOutId::new(self.store.new_id()),
            phone,
            scope,
            asked_at: self.now_ms(),
            by: by.into(),
            why: why.into(),
            source: Source::Hand,
            withdrawn: None,
        };
        for closed in self.store.record_opt_out(&wish).await? {
            self.announce_again(&closed.id).await;
        }
        self.kick();
        Ok(wish)
    }

    async fn withdraw_opt_out(&self, id: &OptOutId, why: &str, by: &str) -> Result<OptOut, CommandError> {
        match self.store.withdraw_opt_out(id, by, why).await {
            Err(StoreError::Stale { .. }) => Err(CommandError::Conflict("这项要求已经撤回过了".into())),
            other => Ok(other?),
        }
    }

    async fn promise(&self, new: NewPromise, by: &str) -> Result<Promise, CommandError> {
        let order = self.store.order(&new.order_no).await?.order;
        if let Some(call) = &new.call {
            let of = self.store.call(call).await?.order_no;
            if of != order.no {
                let detail = format!("call {call} is of order {of}");
                return Err(CommandError::Invalid { field: "call_id", detail });
            }
        }
        let now = self.now_ms();
        let promised_at = new.promised_at.map_or(now, |at| whole_ms(at.min(now)));
        let due_at = new.due_at.map(whole_ms);
        if due_at.is_some_and(|due| due <= promised_at) {
            let detail = "is not after the promise".into();
            return Err(CommandError::Invalid { field: "due_at", detail });
        }
        let promised_by = new.promised_by.unwrap_or_else(|| by.to_owned());
        let site = self.site();
        let draft = Draft {
            kind: Kind::CallBack,
            order: &order,
            call: new.call.as_ref(),
            by: due_at.map_or(When::Said(&new.what), When::At),
            what: new.what.clone(),
            owner: new.owner.unwrap_or_else(|| promised_by.clone()),
            promised_by,
            promised_at,
            source: PromiseSource::Hand,
            evidence: None,
        };
        let mut tx = self.store.begin().await?;
        let (promise, visit) = make(&mut tx, &site.rules, now, draft).await?;
        tx.commit().await?;
        self.promise_changed(&promise, visit.as_ref());
        Ok(promise)
    }

    async fn tell(&self, id: &PromiseId, told: &str, at: Option<Timestamp>, by: &str) -> Result<Promise, CommandError> {
        let now = self.now_ms();
        let at = at.map_or(now, whole_ms);
        self.change_promise(id, by, "promise.told", |promise| promise::tell(now, promise, told, at, by)).await
    }

    async fn confirm(&self, id: &PromiseId, engineer: &str, note: &str, by: &str) -> Result<Promise, CommandError> {
        let now = self.now_ms();
        self.change_promise(id, by, "promise.confirmed", |promise| promise::confirm(now, promise, engineer, note)).await
    }

    async fn withdraw(&self, id: &PromiseId, why: &str, by: &str) -> Result<Promise, CommandError> {
        let now = self.now_ms();
        self.change_promise(id, by, "promise.withdrawn", |promise| promise::withdraw(now, promise, why, by)).await
    }

    async fn assign(&self, id: &PromiseId, owner: &str, by: &str) -> Result<Promise, CommandError> {
        self.change_promise(id, by, "promise.assigned", |promise| promise::assign(promise, owner)).await
    }
}

impl Engine {
    /// Decides on the promise as stored; one that closes takes its waiting visit with it.
    async fn change_promise(
        &self,
        id: &PromiseId,
        by: &str,
        what: &str,
        decide: impl Fn(&Promise) -> Result<Promise, promise::Refused> + Send + Sync,
    ) -> Result<Promise, CommandError> {
        // The writer is held from the read on, so nobody changes it in between.
        let mut tx = self.store.begin().await?;
        let next = decide(&tx.promise(id).await?).map_err(|refused| CommandError::Conflict(refused.to_string()))?;
        let saved = tx.save_promise(&next).await?;
        let visit = match saved.state {
            promise::State::Open => None,
            promise::State::Kept { .. } | promise::State::Confirmed { .. } | promise::State::Withdrawn { .. } => {
                drop_visit(&mut tx, self.clock.now(), &saved).await?
            }
        };
        tx.append_event(&event_of(&saved, by, what)).await?;
        tx.commit().await?;
        self.promise_changed(&saved, visit.as_ref());
        Ok(saved)
    }

    async fn number_of(&self, whose: Whose) -> Result<Phone, CommandError> {
        match whose {
            Whose::Number(phone) => Ok(phone),
            Whose::Order(no) => Ok(self.store.order(&no).await?.order.customer.phone),
        }
    }

    /// A visit that was changed inside the store.
    pub(super) async fn announce_again(&self, visit: &VisitId) {
        match self.store.visit(visit).await {
            Ok(visit) => self.announce_visit(&visit),
            Err(error) => tracing::warn!(visit.id = %visit, %error, "a visit that changed cannot be shown"),
        }
    }
}
