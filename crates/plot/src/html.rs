//! A page that holds a picture: one for wide windows and one for narrow ones, and nothing that
//! would have to be fetched.

use crate::text::escaped;
use crate::{Chart, DrawError, Width, svg};

const STYLE: &str = "\
html{background:#f4f5f7;color:#1c2430}\
body{margin:0;padding:16px}\
figure{margin:0 auto;max-width:1200px;background:#fff;border:1px solid #d8dce2;border-radius:6px}\
svg{display:block;width:100%;height:auto}\
.narrow{display:none;max-width:560px}\
@media(max-width:700px){body{padding:4px}.wide{display:none}.narrow{display:block}}\
@media print{html{background:none}body{padding:0}figure{border:0}}";

/// Draws a chart as a page.
pub fn html(chart: &Chart) -> Result<String, DrawError> {
    let (wide, narrow) = (svg(chart, Width::Wide)?, svg(chart, Width::Narrow)?);
    let title = escaped(&chart.title);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <figure class=\"wide\">\n{wide}</figure>\n<figure class=\"narrow\">\n{narrow}</figure>\n\
         </body>\n</html>\n"
    ))
}
