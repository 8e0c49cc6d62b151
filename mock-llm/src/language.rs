//! Text of a language in tokens about as long as those of real tokenizers.

/// Pieces of text, and how many tokens each of them is.
type Vocabulary = &'static [(&'static str, u64)];

/// What the model writes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// About five bytes a token.
    English,
    /// Somewhat less than four.
    German,
    /// Two and a half: a frequent word is one token, and a rare character two or three.
    Chinese,
}

const ENGLISH: Vocabulary = &[
    (" the", 1),
    (" bucket", 1),
    (" refills", 1),
    (" and", 1),
    (" a", 1),
    (" request", 1),
    (" waits", 1),
    (" until", 1),
    (" it", 1),
    (",", 1),
    (" passes", 1),
    (" again", 1),
    (" continuously", 1),
    (".", 1),
];

const GERMAN: Vocabulary = &[
    (" der", 1),
    (" Ei", 1),
    ("mer", 1),
    (" f", 1),
    ("üll", 1),
    ("t", 1),
    (" sich", 1),
    (" wieder", 1),
    (",", 1),
    (" und", 1),
    (" die", 1),
    (" An", 1),
    ("fr", 1),
    ("age", 1),
    (" wart", 1),
    ("et", 1),
    (" noch", 1),
    (" Zeit", 1),
    (" Gr", 1),
    ("öße", 1),
    (".", 1),
    (" Ausgabe", 1),
];

const CHINESE: Vocabulary = &[
    ("请求", 1),
    ("等", 1),
    ("桶", 2),
    ("，", 1),
    ("的", 1),
    ("令", 1),
    ("牌", 2),
    ("补", 2),
    ("充", 1),
    ("时间", 1),
    ("限", 1),
    ("速", 2),
    ("然后", 2),
    ("重试", 3),
];

impl Language {
    pub(super) const NAMES: [(&str, Self); 3] =
        [("en", Self::English), ("de", Self::German), ("zh", Self::Chinese)];

    /// A text of so many tokens, another one for each `seed`.
    pub(super) fn text(self, tokens: u64, seed: u64) -> String {
        let vocabulary = match self {
            Self::English => ENGLISH,
            Self::German => GERMAN,
            Self::Chinese => CHINESE,
        };
        let (mut random, mut text, mut left) = (Random(seed), String::new(), tokens);
        while left > 0 {
            let index = random.below(vocabulary.len() as u64);
            let (piece, cost) = vocabulary[usize::try_from(index).expect("below a length")];
            if cost <= left {
                text.push_str(piece);
                left -= cost;
            }
        }
        text
    }
}

/// The same numbers for the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // A step of splitmix64, so that neighbouring seeds have nothing in common.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_about_as_many_bytes_as_with_real_tokenizers() {
        let tokens = 10_000;
        for (language, hundredths) in
            [(Language::English, 516), (Language::German, 376), (Language::Chinese, 260)]
        {
            let bytes = language.text(tokens, 1).len() as u64;
            let measured = bytes * 100 / tokens;
            assert!(measured.abs_diff(hundredths) * 10 <= hundredths, "{language:?}: {measured}");
        }
    }

    #[test]
    fn a_text_has_the_tokens_that_are_asked_for() {
        for seed in 0..100 {
            assert!(!Language::Chinese.text(1, seed).is_empty());
            assert_eq!(Language::English.text(0, seed), "");
            assert_eq!(Language::German.text(7, seed), Language::German.text(7, seed));
        }
    }
}
