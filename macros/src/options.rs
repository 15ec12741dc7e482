//! What stands in an attribute's parentheses.

use proc_macro::{Span, TokenStream, TokenTree};

use crate::{Which, Wrong};

/// `threads = 2, seeds = 0..100, crate = "path"`, in any order, each at most once.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) threads: Option<String>,
    pub(crate) seeds: Option<(Span, String)>,
    path: Option<(Span, String)>,
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream, which: Which) -> Result<Self, Wrong> {
        let mut options = Self::default();
        let mut tokens = tokens.into_iter();
        while let Some(name) = tokens.next() {
            let span = name.span();
            let known = match which {
                Which::Main => "`threads` and `crate`",
                Which::Test => "`threads`, `seeds` and `crate`",
            };
            match tokens.next() {
                Some(TokenTree::Punct(equals)) if equals.as_char() == '=' => {}
                _ => {
                    let message = format!("an option is written `name = value`; there are {known}");
                    return Err(Wrong(span, message));
                }
            }
            let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            let value: Vec<_> = tokens.by_ref().take_while(|token| !comma(token)).collect();
            let text = TokenStream::from_iter(value.iter().cloned()).to_string();
            if value.is_empty() {
                return Err(Wrong(span, format!("`{name}` has no value")));
            }
            let twice = match (name.to_string().as_str(), which) {
                ("threads", _) => {
                    if text == "0" {
                        let message = "an executor without threads would run nothing";
                        return Err(Wrong(value[0].span(), message.to_owned()));
                    }
                    options.threads.replace(text).is_some()
                }
                ("seeds", Which::Test) => {
                    let number = text
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'_');
                    let seeds = if number { format!("0..{text}") } else { text };
                    options.seeds.replace((span, seeds)).is_some()
                }
                ("crate", _) => options.path.replace((value[0].span(), text)).is_some(),
                (other, _) => {
                    let message = format!("there is no option `{other}`; there are {known}");
                    return Err(Wrong(span, message));
                }
            };
            if twice {
                return Err(Wrong(span, format!("`{name}` is given twice")));
            }
        }
        match (&options.threads, &options.seeds) {
            (Some(_), Some((span, _))) => Err(Wrong(
                *span,
                "with `seeds`, the seed chooses how many threads there are".to_owned(),
            )),
            _ => Ok(options),
        }
    }

    /// The path of the crate `rejoin`.
    pub(crate) fn path(&self) -> Result<String, Wrong> {
        let Some((span, text)) = &self.path else {
            return Ok("::rejoin".to_owned());
        };
        let path = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        match path {
            Some(path)
                if path
                    .parse::<TokenStream>()
                    .is_ok_and(|path| !path.is_empty()) =>
            {
                Ok(path.to_owned())
            }
            _ => Err(Wrong(
                *span,
                "the crate is a path in quotes, like \"my_crate::rejoin\"".to_owned(),
            )),
        }
    }
}
