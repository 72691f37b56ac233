//! What all our HTTP clients do alike: the provider of encryption, pauses between tries, and errors in words.

use std::time::Duration;

use rand::Rng;

/// Chooses who encrypts, which every HTTP client of a program needs before it is made: none of ours brings a choice along.
/// Another part of the program may have chosen already: both are fine.
pub fn choose_encryption() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether an address leads to this very machine, where nothing travels in the clear.
pub(crate) fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    }
}

/// The pause before try `number`, from 2 on: twice as long each time, with some randomness so that many do not come back
/// at once.
pub(crate) fn pause(first: Duration, number: u32) -> Duration {
    let pause = first * 2_u32.saturating_pow(number.saturating_sub(2).min(6));
    pause.mul_f64(rand::rng().random_range(0.75..1.25))
}

/// reqwest's message with its causes, without the address: "error sending request" alone says nothing.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
