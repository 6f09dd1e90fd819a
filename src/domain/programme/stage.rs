//! One visit of a programme: what begins it and when it is to be made.

use super::trigger::Trigger;
use super::window::Window;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Unique in the programme, e.g. `month-6`; an order has one open visit of each at most.
    pub name: String,
    /// At least one.
    pub on: Vec<Trigger>,
    pub window: Window,
    /// The share of the programme does not hold here: everybody is visited (A14).
    pub everybody: bool,
}
