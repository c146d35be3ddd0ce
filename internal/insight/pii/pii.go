// Package pii finds personal data in what was said: numbers of cards and
// accounts, names, addresses, and the rest of what Presidio names, as engines of
// speech recognition hand it over, without punctuation and with words misheard.
//
// It does no input and no output, and keeps nothing. What it finds are stretches
// of words with the time at which they were said, a score, and why: a person or
// a rule decides what becomes of them. It errs towards finding: a check digit
// that does not agree lowers a score and hides nothing, because engines mishear
// digits. How much it has to find at least stands in testdata/recall.csv, which
// was fixed before the detector was written, and is measured on dialogues that
// it was not tuned with.
//
// Rules say what they see, and weights that were learned from calls decide: first of
// numbers and addresses of the net (figured.go), then of people and places
// (learned.go).
//
// It knows English as it is spoken in the United Kingdom.
package pii

// Entity is a kind of personal data, named as Presidio names it where it has one.
type Entity string

// The entities.
const (
	CreditCard   Entity = "CREDIT_CARD"     // 13 to 19 digits, or the part of them that was said
	SecurityCode Entity = "SECURITY_CODE"   // the three or four digits that must never be stored
	Phone        Entity = "PHONE_NUMBER"    //
	Email        Entity = "EMAIL_ADDRESS"   //
	IBAN         Entity = "IBAN_CODE"       //
	SortCode     Entity = "UK_SORT_CODE"    // six digits that name a branch
	BankAccount  Entity = "UK_BANK_ACCOUNT" // eight digits
	NHS          Entity = "UK_NHS"          // ten digits, the last a check digit modulo 11
	NINO         Entity = "UK_NINO"         // two letters, six digits, a letter
	Postcode     Entity = "UK_POSTCODE"     //
	Date         Entity = "DATE_TIME"       // of birth, of expiry, or any day with its year
	IPAddress    Entity = "IP_ADDRESS"      //
	URL          Entity = "URL"             //
	Person       Entity = "PERSON"          //
	Location     Entity = "LOCATION"        // street and house, or a town where somebody lives
)

// Entities are all of them, in the order in which they are shown.
func Entities() []Entity {
	return []Entity{CreditCard, SecurityCode, Phone, Email, IBAN, SortCode, BankAccount, NHS, NINO, Postcode, Date, IPAddress, URL, Person, Location}
}

// Turn is what one person said at a stretch. Speaker is "" where speakers are not told apart.
type Turn struct {
	Speaker string
	Words   []Word
}

// Word is one word as the engine wrote it. Times are seconds from the start of the recording.
type Word struct {
	Text       string
	Start, End float64
	Confidence float64 // 0 to 1; -1: not known
}

// Span is a stretch of words within one turn. Stretches of the same thing, such
// as a number said in groups with somebody repeating them, share a Group.
type Span struct {
	Entity     Entity
	Turn       int     // index of the turn
	From, To   int     // words of the turn, To not among them
	Start, End float64 // seconds
	Score      float64 // 0 to 1
	Why        string  // what spoke for it; never what was said
	Group      int     // from 1
}
