//! Tables for spreadsheets: CSV that is streamed page by page, and whose cells a spreadsheet does not take for formulas.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::Stream;

/// A cell of people's text. Spreadsheets run what begins like a formula, so such a text gets an apostrophe before it
/// (OWASP, CSV injection).
#[must_use]
pub fn text_cell(text: &str) -> Cow<'_, str> {
    if text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']) || text.starts_with(['\t', '\r', '\n']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Rows as CSV lines, quoted where needed.
pub fn lines<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> Result<Bytes, std::io::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| std::io::Error::other(error.to_string()))
}

/// A streamed download named `file_name` (ASCII, without quotes).
pub fn download(file_name: &str, chunks: impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static) -> Response {
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{file_name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"] {
            assert_eq!(text_cell(formula), format!("'{formula}"));
        }
        assert_eq!(text_cell("Invoice 12-5"), "Invoice 12-5");
    }

    #[test]
    fn cells_are_quoted_where_needed() {
        let rows = [["a,b".to_owned(), "say \"x\"".to_owned()], ["1".to_owned(), String::new()]];
        assert_eq!(lines(rows).unwrap(), "\"a,b\",\"say \"\"x\"\"\"\r\n1,\r\n");
    }
}
