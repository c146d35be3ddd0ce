package pii

// ibanLengths are how long IBANs are, by country (the registry of ISO 13616).
var ibanLengths = map[string]int{
	"gb": 22, "ie": 22, "de": 22, "fr": 27, "nl": 18, "be": 16, "es": 24, "it": 27, "pt": 25, "pl": 28, "ro": 24, "bg": 22, "hu": 28, "cz": 24, "sk": 24, "at": 20, "ch": 21, "lu": 20,
	"dk": 18, "se": 24, "no": 15, "fi": 18, "ee": 20, "lv": 21, "lt": 20, "gr": 27, "cy": 28, "mt": 31, "si": 19, "hr": 21, "gi": 23, "je": 22, "im": 22, "gg": 22, "is": 26, "li": 21,
	"mc": 27, "sm": 27, "tr": 26, "ae": 23, "sa": 24, "il": 23, "ua": 29, "rs": 22, "ba": 20, "mk": 19, "al": 28, "md": 24, "me": 22, "xk": 20, "ge": 22, "pk": 24, "qa": 29, "kw": 30, "jo": 30,
}
