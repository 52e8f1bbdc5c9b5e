create or replace function catalog.fold(input text) returns text
language sql immutable parallel safe strict
return translate(
  replace(replace(
    normalize(
      regexp_replace(
        normalize(input, nfkd) collate "pg_c_utf8",
        '[\u0300-\u036f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]+', '', 'g'),
      nfkc),
    'ß', 'ss'), 'ẞ', 'SS'),
  'øØłŁđĐħĦıς٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯๐๑๒๓๔๕๖๗๘๙',
  'oOlLdDhHiσ01234567890123456789012345678901234567890123456789');

comment on function catalog.fold is
  'Composes compatibly, strips accents and invisible characters, and makes digits ASCII: both spellings of Café '
  'become Cafe.';

revoke execute on function catalog.fold from public;
grant execute on function catalog.fold to catalog_api;
