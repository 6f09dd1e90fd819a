//! Tables of phrases: each a name with the patterns that say it.

/// One static expression per name, true where any of its patterns is found.
///
/// The patterns are literals, so whether they compile is known before anybody calls: the tests of every file that has a table use it.
macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident = [$($pattern:literal),+ $(,)?];)+) => {$(
        $(#[$doc])*
        static $name: ::std::sync::LazyLock<::regex::Regex> = ::std::sync::LazyLock::new(|| {
            // A literal that a test compiles.
            ::regex::Regex::new(concat!("(?:", $crate::domain::phrases::phrases!(@or $($pattern),+), ")")).expect("phrase table compiles")
        });
    )+};
    (@or $first:literal $(, $rest:literal)*) => { concat!($first $(, "|", $rest)*) };
}
pub(crate) use phrases;
