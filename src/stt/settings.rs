//! How the recogniser of record listens: what docs/speech.md measures one by one, and the choice that came of it.
//!
//! Nothing here is a key of the configuration: a site chooses its model; the rest was chosen by measuring, and [`Settings::default`] is it.

/// Everything about listening that can be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The decoder is told the words of the trade first.
    pub prompt: bool,
    /// A detector finds the speech; without it a turn is taken as speech from end to end, and a channel without turns whole.
    pub find_speech: bool,
    pub windows: Windows,
    /// Sentences that the decoder keeps in mind; 1 is greedy.
    pub beam: u8,
    pub resampling: Resampling,
    /// The loudest sample of a channel is brought to -3 dBFS before anything else.
    pub level: bool,
}

/// What one pass of the decoder is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// Many utterances; those of the customer beside a cut that is not certain once more, each alone.
    Checked,
    /// Many utterances, divided as the cuts fall.
    Packed,
    /// One utterance.
    Single,
}

/// From the line's rate to the model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resampling {
    Filtered,
    /// The mean of two samples between them.
    Linear,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prompt: true,
            find_speech: true,
            windows: Windows::Checked,
            beam: 1,
            resampling: Resampling::Filtered,
            level: false,
        }
    }
}
