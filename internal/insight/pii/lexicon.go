package pii

import "strings"

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

func table(pairs string) map[string]string {
	m := map[string]string{}
	for _, p := range strings.Fields(pairs) {
		k, v, _ := strings.Cut(p, "=")
		m[k] = v
	}
	return m
}

var (
	// digitWords are digits as they are said.
	digitWords = table(`zero=0 nought=0 naught=0 oh=0 nil=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 niner=9`)
	// digitAlike are words that recognisers write for digits. They count beside digits only.
	digitAlike = table(`o=0 owe=0 hero=0 ow=0 aught=0 sarah=0 won=1 wan=1 to=2 too=2 tu=2 do=2 tree=3 free=3 the=3 thee=3 for=4 fore=4 far=4 fife=5 hive=5 fine=5
		sex=6 sicks=6 sick=6 sics=6 heaven=7 ate=8 hate=8 ait=8 nein=9 mine=9 night=9 line=9 nigh=9 a=8`)
	teenWords  = table(`ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19 tan=10`)
	tensWords  = table(`twenty=2 thirty=3 forty=4 fourty=4 fifty=5 sixty=6 seventy=7 eighty=8 ninety=9 plenty=2`)
	twice      = set(`double dabble doubled`)
	thrice     = set(`treble triple`)
	twiceAlike = set(`trouble travel rebel ripple`) // "trouble" may have been either: what follows is doubled, and covered all the same

	// letterWords are the NATO alphabet and what people say at home.
	letterWords = table(`alpha=a alfa=a bravo=b charlie=c delta=d echo=e foxtrot=f golf=g hotel=h india=i juliet=j juliett=j kilo=k lima=l mike=m november=n oscar=o
		papa=p quebec=q romeo=r sierra=s tango=t uniform=u victor=v whiskey=w whisky=w x-ray=x xray=x yankee=y zulu=z zed=z zee=z
		bee=b cee=c sea=c dee=d eff=f gee=g aitch=h haitch=h jay=j kay=k ell=l em=m enn=n pee=p queue=q cue=q tea=t tee=t ess=s vee=v ex=x wye=y`)
	// letterAlike are words that sound like a letter. They count behind letters or digits only.
	letterAlike = table(`see=c are=r why=y you=u yew=u be=b eye=i oh=o ay=a eh=a hey=a pea=p tease=t ease=e owe=o ewe=u kaye=k ar=r en=n es=s ess=s gee=g jay=j kay=k dee=d vee=v tee=t em=m ell=l
		double-u=w ex=x `)
	homeLetters = set(`apple bertie charlie david edward freddie george harry jack kate london mother nelly orange peter robert sugar tommy william queen andrew
		nut king lucy mary nan dog cat egg fox golf henry isaac india john juliet kilo lima monkey norman oliver roger sam tom uncle victor yellow zebra zoo
		america benjamin bob ben`)

	fillers = set(`um uh er erm mm hmm yeah yep right sorry okay ok so and then ah well is dash hyphen please`)
	nods    = set(`yep okay yeah mm hmm right uh huh go on got that thank you thanks yes ok sure lovely great perfect carry alright ready i've`)

	// amounts are words that say that the number before them is nobody's.
	amounts = set(`pounds pound pence percent per p megabits megabit gigabytes gigabyte gigs minutes minute hours hour days day weeks week months month years times
		people quid kilos miles mile metres seconds euros dollars litres units degrees o'clock many each grams gram ounces tablets foot feet inch inches mil
		mph grand stone packs boxes metre litre kilo hertz watts`)

	monthNames = table(`january=1 february=2 march=3 april=4 may=5 june=6 july=7 august=8 september=9 october=10 november=11 december=12
		jan=1 feb=2 apr=4 aug=8 sept=9 oct=10 nov=11 dec=12`)
	ordinalWords = set(`first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth
		eighteenth nineteenth twentieth thirtieth 1st 2nd 3rd`)

	ordinalMonths = set(`first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth`)

	dots       = set(`dot dots dart dock point .`)
	separators = set(`dot dots dart dock underscore dash hyphen minus`)
	mailHosts  = set(`gmail outlook icloud hotmail yahoo aol live btinternet googlemail msn me sky virgin talktalk protonmail proton ntlworld mail ymail`)

	streets = set(`avenue lane road street close drive way crescent terrace court gardens garden grove hill parade place square green row walk mews park rise view
		gate yard wharf quay bank fields field meadow mount vale circus villas cottages cottage heath common estate boulevard broadway paddock paddocks approach croft lea end
		meadows wood woods chase glade copse promenade esplanade wynd brae loan strand path ridge corner`)
	titles = set(`mr mrs ms miss mister missus doctor dr sir madam professor`)
)

// stop are words that are part of no name and no address.
var stop = set(`a about again all also am an and any anything are as at authorised be because been before best billing but by call called calling can can't card
		change check click could day details did do does doing done don't down else email e-mail emails every everything find first for form from get getting
		give go going good got had has have he hello help her here hers hi him his hiya hold how i i'd i'll i'm i've if in into is isn't it it's its just know
		last left let like look lovely made make many may me mister mrs ms more morning much my name named need needs new no nobody not nothing now number of
		off oh ok okay old on one only open or order other our out over page paid password pay perfect phone please put reading right ring said same say says
		see send sent she should so some somebody someone something sorry speak speaking still street sure surname take tell text than thank thanks that
		that's the their them then there there's these they they're this those three through time to today told too tried try two type under up us use used
		usual want was wasn't we we'd we'll we're we've web website were what what's when where which while who who's whose why will with would yeah yep yes
		yesterday yet you you'd you'll you're you've your yours address mail account link message site online afternoon evening enough um uh er erm mm hmm
		great brilliant cheers alright ah well dot dash underscore hyphen slash double hang bear moment sec ready another already sat quite really ringing
		appointment boiler bill problem question trouble customer service team department line lines manager available free busy afraid back happy interested
		looking trying having waiting able unable unsure confused wondering disappointed very completely actually currently earlier later tomorrow tonight
		early late monday tuesday wednesday thursday friday saturday sunday twice mum's dad's wife's husband's son's daughter's four five six seven eight nine
		zero ten hundred won ate sex tree usually everyone anyone spoke authorized`)
