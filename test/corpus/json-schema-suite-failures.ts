/**
 * Where the product differs from the official suite: by reason, the groups whose schema is refused and the tests with another outcome, each with
 * the drafts that have it.
 */
export const knownFailures: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'annotations: the content of texts is not looked into': {
    'optional/content | validation of string-encoded content based on media type | an invalid JSON document': 'draft7',
    'optional/content | validation of binary string-encoding | an invalid base64 string (% is not a valid character)':
      'draft7',
    'optional/content | validation of binary-encoded media type documents | a validly-encoded invalid JSON document':
      'draft7',
    'optional/content | validation of binary-encoded media type documents | an invalid base64 string that is valid JSON':
      'draft7',
  },
  'refused: other documents are never fetched': {
    'optional/cross-draft | refs to future drafts are processed as future drafts': 'draft7 draft2019-09',
    'refRemote | remote ref': 'draft7 draft2019-09 draft2020-12',
    'refRemote | fragment within remote ref': 'draft7 draft2019-09 draft2020-12',
    'refRemote | ref within remote ref': 'draft7 draft2019-09 draft2020-12',
    'refRemote | base URI change': 'draft7 draft2019-09 draft2020-12',
    'refRemote | base URI change - change folder': 'draft7 draft2019-09 draft2020-12',
    'refRemote | base URI change - change folder in subschema': 'draft7 draft2019-09 draft2020-12',
    'refRemote | root ref in remote ref': 'draft7 draft2019-09 draft2020-12',
    'refRemote | remote ref with ref to definitions': 'draft7',
    'refRemote | Location-independent identifier in remote ref': 'draft7 draft2019-09 draft2020-12',
    'refRemote | retrieved nested refs resolve relative to their URI not $id': 'draft7 draft2019-09 draft2020-12',
    'refRemote | $ref to $ref finds location-independent $id': 'draft7',
    'optional/cross-draft | refs to historic drafts are processed as historic drafts': 'draft2019-09 draft2020-12',
    'refRemote | anchor within remote ref': 'draft2019-09 draft2020-12',
    'refRemote | remote ref with ref to defs': 'draft2019-09 draft2020-12',
    'refRemote | remote HTTP ref with different $id': 'draft2019-09 draft2020-12',
    'refRemote | remote HTTP ref with different URN $id': 'draft2019-09 draft2020-12',
    'refRemote | remote HTTP ref with nested absolute ref': 'draft2019-09 draft2020-12',
    'refRemote | $ref to $ref finds detached $anchor': 'draft2019-09 draft2020-12',
    'dynamicRef | strict-tree schema, guards against misspelled properties': 'draft2020-12',
    'dynamicRef | tests for implementation dynamic anchor and reference link': 'draft2020-12',
    'dynamicRef | $ref and $dynamicAnchor are independent of order - $defs first': 'draft2020-12',
    'dynamicRef | $ref and $dynamicAnchor are independent of order - $ref first': 'draft2020-12',
    'dynamicRef | $ref to $dynamicRef finds detached $dynamicAnchor': 'draft2020-12',
  },
  'ajv-formats is laxer': {
    'optional/format/ecmascript-regex | \\a is not an ECMA 262 control escape | when used as a pattern':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of host names | trailing dot': 'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | invalid Punycode':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | contains illegal char U+302E Hangul single dot tone mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Begins with a Spacing Combining Mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Begins with a Nonspacing Mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Begins with an Enclosing Mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Exceptions that are DISALLOWED, right-to-left chars':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Exceptions that are DISALLOWED, left-to-right chars':
      'draft7 draft2019-09 draft2020-12',
    "optional/format/hostname | validation of A-label (punycode) host names | MIDDLE DOT with no preceding 'l'":
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | MIDDLE DOT with nothing preceding':
      'draft7 draft2019-09 draft2020-12',
    "optional/format/hostname | validation of A-label (punycode) host names | MIDDLE DOT with no following 'l'":
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | MIDDLE DOT with nothing following':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Greek KERAIA not followed by Greek':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Greek KERAIA not followed by anything':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Hebrew GERESH not preceded by Hebrew':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Hebrew GERESH not preceded by anything':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Hebrew GERSHAYIM not preceded by Hebrew':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Hebrew GERSHAYIM not preceded by anything':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | KATAKANA MIDDLE DOT with no Hiragana, Katakana, or Han':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | KATAKANA MIDDLE DOT with no other characters':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | Arabic-Indic digits mixed with Extended Arabic-Indic digits':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | ZERO WIDTH JOINER not preceded by Virama':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | ZERO WIDTH JOINER not preceded by anything':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/hostname | validation of A-label (punycode) host names | contains "--" in the 3rd and 4th position':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri-reference | validation of URI References | a double quote in a path':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri-reference | validation of URI References | square brackets outside an authority':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri-reference | validation of URI References | a non-numeric port in a network-path reference':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri-reference | validation of URI References | more than one at-sign in the authority':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri-reference | validation of URI References | a leading zero in the IPv4 part of an IPv6 literal':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri-reference | validation of URI References | a colon in the first segment of a relative-path reference':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri-template | format: uri-template | a delete character in a literal is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri | validation of URIs | non-numeric port is invalid': 'draft7 draft2019-09 draft2020-12',
    'optional/format/uri | validation of URIs | leading zero in an embedded IPv4 address is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri | validation of URIs | square brackets are not allowed in a path segment':
      'draft7 draft2019-09 draft2020-12',
  },
  'ajv-formats is stricter': {
    'optional/format/uri-template | format: uri-template | a dotted variable name is valid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/uri-template | format: uri-template | an apostrophe in a literal is valid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/email | validation of e-mail addresses | a quoted string with a space in the local part is valid':
      'draft2020-12',
    'optional/format/email | validation of e-mail addresses | a quoted string with a double dot in the local part is valid':
      'draft2020-12',
    'optional/format/email | validation of e-mail addresses | a quoted string with a @ in the local part is valid':
      'draft2020-12',
    'optional/format/email | validation of e-mail addresses | an IPv4-address-literal after the @ is valid':
      'draft2020-12',
    'optional/format/email | validation of e-mail addresses | an IPv6-address-literal after the @ is valid':
      'draft2020-12',
  },
  'annotations: formats for international names': {
    'optional/format/idn-email | validation of an internationalized e-mail addresses | an invalid e-mail/idn e-mail address':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-email | validation of an internationalized e-mail addresses | a fullwidth commercial at is not a local-part separator':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | illegal first char U+302E Hangul single dot tone mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | contains illegal char U+302E Hangul single dot tone mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | a single label of 64 characters is too long':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | invalid label, correct Punycode':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | invalid Punycode':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | U-label contains "--" in the 3rd and 4th position':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | U-label starts with a dash':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | U-label ends with a dash':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | U-label starts and ends with a dash':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Begins with a Spacing Combining Mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Begins with a Nonspacing Mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Begins with an Enclosing Mark':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Exceptions that are DISALLOWED, right-to-left chars':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Exceptions that are DISALLOWED, left-to-right chars':
      'draft7 draft2019-09 draft2020-12',
    "optional/format/idn-hostname | validation of internationalized host names | MIDDLE DOT with no preceding 'l'":
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | MIDDLE DOT with nothing preceding':
      'draft7 draft2019-09 draft2020-12',
    "optional/format/idn-hostname | validation of internationalized host names | MIDDLE DOT with no following 'l'":
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | MIDDLE DOT with nothing following':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Greek KERAIA not followed by Greek':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Greek KERAIA not followed by anything':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Hebrew GERESH not preceded by Hebrew':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Hebrew GERESH not preceded by anything':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Hebrew GERSHAYIM not preceded by Hebrew':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Hebrew GERSHAYIM not preceded by anything':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | KATAKANA MIDDLE DOT with no Hiragana, Katakana, or Han':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | KATAKANA MIDDLE DOT with no other characters':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Arabic-Indic digits mixed with Extended Arabic-Indic digits':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | ZERO WIDTH JOINER not preceded by Virama':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | ZERO WIDTH JOINER not preceded by anything':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | empty string':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | zero width non-joiner must pass at every occurrence':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | Bidi domain name with a digit-first label is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | label starting with a digit before a right-to-left letter is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | left-to-right label containing a right-to-left letter is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | right-to-left label mixing both digit types is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | A-label that decodes to a disallowed code point is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | A-label that decodes to a Bidi rule violation is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | a U-label whose A-label form is longer than 63 octets is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | empty label between two dots is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | a name longer than 253 characters is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | A-label that decodes to only ASCII is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of internationalized host names | non-canonical Punycode that does not re-encode to itself is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | single dot':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | single ideographic full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | single fullwidth full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | single halfwidth ideographic full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | leading dot':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | leading ideographic full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | leading fullwidth full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | leading halfwidth ideographic full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | trailing dot':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | trailing ideographic full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | trailing fullwidth full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/idn-hostname | validation of separators in internationalized host names | trailing halfwidth ideographic full stop':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/iri-reference | validation of IRI References | an invalid IRI Reference':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/iri-reference | validation of IRI References | an invalid IRI fragment':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/iri | validation of IRIs | an IPv6 address without enclosing brackets is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/iri | validation of IRIs | an invalid relative IRI Reference': 'draft7 draft2019-09 draft2020-12',
    'optional/format/iri | validation of IRIs | an invalid IRI': 'draft7 draft2019-09 draft2020-12',
    'optional/format/iri | validation of IRIs | an invalid IRI though valid IRI reference':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/iri | validation of IRIs | an IPv6 host whose embedded IPv4 has a leading zero is invalid':
      'draft7 draft2019-09 draft2020-12',
    'optional/format/iri | validation of IRIs | a trailing newline after a valid IRI is invalid':
      'draft7 draft2019-09 draft2020-12',
  },
  'refused: rules for a property called __proto__': {
    'properties | properties whose names are Javascript object property names': 'draft7 draft2019-09 draft2020-12',
  },
  'refused: rules beside $ref in draft-07, which ignores them': {
    'ref | ref overrides any sibling keywords': 'draft7',
  },
  'refused: an enum that is empty': {
    'enum | empty enum': 'draft2019-09 draft2020-12',
  },
  'refused: dynamic references whose target depends on where they are reached from': {
    'recursiveRef | $recursiveRef with nesting': 'draft2019-09',
    'recursiveRef | multiple dynamic paths to the $recursiveRef keyword': 'draft2019-09',
    'recursiveRef | dynamic $recursiveRef destination (not predictable at schema compile time)': 'draft2019-09',
    'unevaluatedItems | unevaluatedItems with $recursiveRef': 'draft2019-09',
    'unevaluatedProperties | unevaluatedProperties with $recursiveRef': 'draft2019-09',
    'dynamicRef | A $dynamicRef resolves to the first $dynamicAnchor still in scope that is encountered when the schema is evaluated':
      'draft2020-12',
    "dynamicRef | A $dynamicRef with intermediate scopes that don't include a matching $dynamicAnchor does not affect dynamic scope resolution":
      'draft2020-12',
    'dynamicRef | A $dynamicRef that initially resolves to a schema with a matching $dynamicAnchor resolves to the first $dynamicAnchor in the dynamic scope':
      'draft2020-12',
    'dynamicRef | multiple dynamic paths to the $dynamicRef keyword': 'draft2020-12',
    'dynamicRef | after leaving a dynamic scope, it is not used by a $dynamicRef': 'draft2020-12',
    'dynamicRef | $dynamicRef skips over intermediate resources - direct reference': 'draft2020-12',
    'dynamicRef | $dynamicRef avoids the root of each schema, but scopes are still registered': 'draft2020-12',
    'optional/dynamicRef | $dynamicRef skips over intermediate resources - pointer reference across resource boundary':
      'draft2020-12',
    'unevaluatedItems | unevaluatedItems with $dynamicRef': 'draft2020-12',
    'unevaluatedProperties | unevaluatedProperties with $dynamicRef': 'draft2020-12',
  },
  "refused: metaschemas of one's own are not supported": {
    'vocabulary | schema that uses custom metaschema with with no validation vocabulary': 'draft2019-09 draft2020-12',
    'vocabulary | ignore unrecognized optional vocabulary': 'draft2019-09 draft2020-12',
    'optional/format-assertion | schema that uses custom metaschema with format-assertion: false': 'draft2020-12',
    'optional/format-assertion | schema that uses custom metaschema with format-assertion: true': 'draft2020-12',
  },
  'formats are asserted': {
    'format | email format | invalid email string is only an annotation by default': 'draft2020-12',
    'format | regex format | invalid regex string is only an annotation by default': 'draft2020-12',
    'format | ipv4 format | invalid ipv4 string is only an annotation by default': 'draft2020-12',
    'format | ipv6 format | invalid ipv6 string is only an annotation by default': 'draft2020-12',
    'format | hostname format | invalid hostname string is only an annotation by default': 'draft2020-12',
    'format | date format | invalid date string is only an annotation by default': 'draft2020-12',
    'format | date-time format | invalid date-time string is only an annotation by default': 'draft2020-12',
    'format | time format | invalid time string is only an annotation by default': 'draft2020-12',
    'format | json-pointer format | invalid json-pointer string is only an annotation by default': 'draft2020-12',
    'format | relative-json-pointer format | invalid relative-json-pointer string is only an annotation by default':
      'draft2020-12',
    'format | uri format | invalid uri string is only an annotation by default': 'draft2020-12',
    'format | uri-reference format | invalid uri-reference string is only an annotation by default': 'draft2020-12',
    'format | uri-template format | invalid uri-template string is only an annotation by default': 'draft2020-12',
    'format | uuid format | invalid uuid string is only an annotation by default': 'draft2020-12',
    'format | duration format | invalid duration string is only an annotation by default': 'draft2020-12',
  },
  'refused: unevaluatedItems together with contains': {
    'unevaluatedItems | unevaluatedItems depends on adjacent contains': 'draft2020-12',
    'unevaluatedItems | unevaluatedItems depends on multiple nested contains': 'draft2020-12',
    'unevaluatedItems | unevaluatedItems and contains interact to control item dependency relationship': 'draft2020-12',
    'unevaluatedItems | unevaluatedItems with minContains = 0': 'draft2020-12',
  },
};
