package sentiment

import "strings"

// business are words of VADER's dictionary that carry no feeling in service
// talk: the trade's own terms, and polite or filling words.
var business = strings.Fields(`
	accept account active alert award care charge charged chance claim claims credit credits cut dear debt energy fine
	free gift hello help helping hi hope interest interested interests join like likes matter matters no number numbers ok okay
	pay please pretty profit save secure security sentence share shares sincerely sorry support supported sure
	thank thanked thanks top united value want warm welcome well yes emergency ensure opportunity clear clearly
	question questions problem-free natural solution solutions straight agree agreed`)

// courtesy are formulas that say nothing about the speaker's mood although
// words in them do.
var courtesy = []string{
	"good morning", "good afternoon", "good evening", "good day", "good bye", "good night",
	"have a nice day", "have a good day", "have a great day", "have a lovely day", "have a nice weekend", "have a good weekend",
	"thank you for calling", "thanks for calling", "thank you for your patience", "thank you for waiting", "thank you for holding",
	"i am sorry to hear that", "i'm sorry to hear that", "sorry to bother you", "sorry about that", "i am afraid", "i'm afraid",
	"good question", "best regards", "kind regards", "the best way", "is it possible", "a good time", "my best number",
	"best number", "best time", "no problem", "don't worry", "do not worry", "not a problem", "for security reasons",
	"all right", "that's fine", "that is fine", "if you like", "more than happy to", "happy to help", "glad to help",
	"lost property", "hold the line", "nice to meet you", "fair enough", "a great deal", "as good as",
}

// domain is what VADER does not know: complaints and praise as customers
// phrase them, on VADER's scale from -4 to 4.
var domain = map[string]float64{
	// nothing comes, nothing works
	"still not": -1.9, "still has not": -2, "still have not": -2, "still hasn't": -2, "still haven't": -2, "still waiting": -2,
	"has not arrived": -1.9, "hasn't arrived": -1.9, "have not arrived": -1.9, "not arrived": -1.8, "never arrived": -2.3, "never came": -2.2,
	"not been delivered": -1.8, "not received": -1.7, "have not received": -1.8, "haven't received": -1.8, "nobody came": -2.2,
	"not working": -2, "does not work": -2, "doesn't work": -2, "did not work": -1.8, "didn't work": -1.8, "stopped working": -2.1,
	"been down": -1.9, "is down": -1.5, "went down": -1.3, "cut off": -1.7, "locked out": -1.7, "keeps crashing": -2,
	"cannot sign in": -1.5, "cannot log in": -1.5, "can't log in": -1.5, "can't sign in": -1.5, "nothing happens": -1.5, "no answer": -1.3,
	"broke": -1.7, "leaking": -1.5, "missing": -1.4, "faulty": -2, "late": -1.2, "overdue": -1.2, "delayed": -1.3,
	"not enough": -1.3, "not good enough": -2.3,
	// again and too long
	"second time": -1.5, "third time": -2.1, "fourth time": -2.3, "fifth time": -2.4, "so many times": -1.8, "again and again": -1.7,
	"three times": -1.2, "four times": -1.5, "five times": -1.7, "another hour": -1.5, "for hours": -1.6, "for weeks": -1.4, "for ages": -1.7,
	"on hold": -1.1, "kept waiting": -2, "kept me waiting": -2.2, "waiting": -0.9, "waited": -1.2, "too long": -1.7,
	"passed around": -2, "hung up": -1.5, "hung up on": -2.2, "called me back": -0.4, "nobody called": -1.9, "no one called": -1.9,
	"nobody": -0.9, "no one": -0.9,
	// money
	"charged twice": -2.2, "charged me twice": -2.2, "overcharged": -2.3, "double charged": -2.2, "too high": -1.6, "too expensive": -1.9,
	"too much": -1.2, "money back": -1.8, "rip off": -2.8, "refund": -0.9, "hidden fee": -2, "hidden fees": -2,
	// leaving, complaining
	"cancel": -1.6, "cancelling": -1.6, "cancelled": -1.2, "complaint": -2, "complain": -1.9, "make a complaint": -2.6, "speak to a manager": -2.2,
	"speak to your manager": -2.2, "speak to the manager": -2.2, "talk to your manager": -2.2, "ombudsman": -2, "lawyer": -1.4, "switch provider": -1.6,
	"never again": -2.6, "waste of time": -3, "waste of money": -3, "fed up": -2.7, "sick of": -2.7, "had enough": -2.4, "ridiculous": -2.4,
	"not good": -1.9, "a joke": -2.2, "oh great": -1.8, "let down": -2, "mistake": -1.5, "not what i ordered": -2, "unhelpful": -2,
	"how many times": -2, "no idea": -1, "not fair": -2.1, "unfair": -2.1,
	// mended and praised
	"it works": 1.8, "works now": 1.8, "works again": 1.9, "working again": 1.9, "sorted": 1.4, "sorted out": 1.6, "fixed": 1.4, "resolved": 1.5,
	"quick": 0.9, "quickly": 0.9, "that was quick": 1.8, "so fast": 1.3, "well done": 2.1, "spot on": 2.1, "first class": 2.2, "five stars": 2.6,
	"made my day": 2.6, "looking forward": 1.4, "saved me": 1.8, "thank you so much": 1.5, "thanks so much": 1.5, "thanks a lot": 1.1,
	"good news": 2, "good to hear": 1.9, "a relief": 2.1, "recommend you": 2, "cannot complain": 1.4, "can't complain": 1.4,
	"much better": 1.9, "no complaints": 1.5, "great help": 2.6, "good work": 2, "good service": 2, "bad service": -2.4,
}

// short forms that a dictionary of sequences should not have to list twice.
var short = map[string][]string{
	"i've": {"i", "have"}, "you've": {"you", "have"}, "we've": {"we", "have"}, "it's": {"it", "is"}, "i'm": {"i", "am"},
	"that's": {"that", "is"}, "i'd": {"i", "would"}, "i'll": {"i", "will"}, "there's": {"there", "is"},
}
