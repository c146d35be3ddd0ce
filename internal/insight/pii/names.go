package pii

// firstNames, lastNames and towns are the frequent ones of givenNames, familyNames and
// townNames: less has to speak for them.
var firstNames = set(`aaron abdul abigail adam adrian agnes ahmed aidan aisha alan albert alex alexander alexandra alfie ali alice alison amanda amber amelia amina amy
	andrea andrew andy angela anita ann anna anne annie anthony antonio archie arthur ashley ava barbara barry ben benjamin bernard beth bethany beverley bill billy
	brandon brenda brian bridget bruce bryan callum cameron carl carla carol caroline catherine charles charlotte cheryl chloe chris christian christina christine
	christopher claire clare clive colin connor craig cynthia daisy dale damian dan daniel danielle darren dave david dawn dean deborah debbie declan denis dennis
	derek diana diane dominic donald donna doreen dorothy dylan edward eileen elaine eleanor elizabeth ella ellen ellie emily emma eric erin ethan eva evelyn evie
	farah fatima fiona florence frances francesca francis frank fred freddie frederick freya gareth gary gavin gemma geoffrey george georgia georgina gerald gillian
	glenn gloria gordon grace graham greg gregory hamza hannah harold harriet harry hassan hazel heather helen henry holly howard hugh ian imran irene isaac isabel
	isabella isla jack jacob jacqueline jade jake james jamie jane janet janice jason jasmine jasper jean jeff jeffrey jennifer jenny jeremy jessica jill jim joan joanna
	joanne joe joel john jonathan jordan joseph josh joshua joyce judith judy julia julian julie june justin karen kate katherine kathleen katie kayleigh keith kelly
	ken kenneth kerry kevin khadija kieran kim kimberley kirsty krzysztof kwame kyle laura lauren lawrence leah lee leo leon leonard lesley leslie lewis liam lily linda
	lindsay lisa logan lorraine louis louise lucas lucy luke lydia lynn lynne maisie malcolm mandy marc marcus margaret maria marian marie marilyn marion martin mary
	maryam matt matthew maureen max maxine megan melanie melissa michael michelle mike millie miriam mohamed mohammad mohammed moira molly monica muhammad nadia naomi
	natalie natasha nathan neil nicholas nicola nigel noah nora norma norman oliver olivia omar oscar owen pamela patricia patrick paul paula pauline pawel penny peter
	philip phillip phoebe phyllis piotr poppy priya rachel rajesh ralph ray raymond rebecca reece rhys richard rita rob robert roger ronald ross roy ruby russell ruth
	ryan sally sam samantha samuel sandra sanjay sara sarah scott sean shane shannon sharon shaun sheila shirley simon siobhan sophia sophie stacey stanley stella
	stephanie stephen steve steven stewart stuart sue susan suzanne sylvia tanya tara teresa terry thomas tim timothy tina toby tom tony tracey tracy trevor tyler
	valerie vanessa vera veronica victor victoria vincent vivian walter wayne wendy william yasmin yusuf yvonne zachary zainab zara zoe`)

var lastNames = set(`adams ahmed akhtar ali allen anderson andrews armstrong atkinson bailey baker ball barker barnes barrett begum bell bennett berry black booth
	bradley brooks brown burns burton butler campbell carr carter chambers chapman chaudhry clark clarke cole collins cook cooper cox cunningham davidson davies davis
	dawson dean dixon doyle dunn edwards elliott ellis evans fisher fletcher ford foster fox francis fraser gallagher gardner george gibson gill gordon graham grant
	gray green griffiths hall hamilton harper harris harrison hart harvey hawkins hayes henderson hill holloway holmes howard hudson hughes hunt hunter hussain
	jackson james jenkins jenkinson johnson johnston jones kaur kelly kennedy khan king knight kowalski lane lawrence lawson lee lewis lloyd lowe macdonald marsh marshall
	martin mason matthews mcdonald mills mitchell moore morgan morris morrison murphy murray nowak okafor osborne owen palmer parker parry parsons patel payne pearce
	pearson perry phillips poole porter powell price pritchard reid reynolds richards richardson riley roberts robertson robinson rogers rose ross russell ryan
	saunders scott shah sharma shaw simpson singh smith spencer stevens stewart stone sutton taylor thomas thompson thomson thornton turner vaughan walker wallace walsh
	ward watson watts webb wells west white whitfield wilkinson williams williamson wilson wood woods wright young`)

// ambiguous names are also words: without context they are nobody.
var ambiguous = set(`amber april ashley bill black bell ball berry brooks brown burns carol chambers cole cook daisy dale dawn dean fisher ford foster fox frank free gardner
	gill grace grant gray green hall hart hazel heather hill holly hunt hunter ivy jack jade joy june kim king knight lane lee lily long major mark mason may mike miles
	mills nick old oscar page park parker payne pearce penny poole porter price ray reading reed rich rob rose ruby sandy scott shaw sharp singh stone sue summer
	sutton taylor victor walker ward way webb wells west white will wood woods young charlie juliet romeo george harry peter robert tommy william kate david edward
	freddie nelly victoria church park station queen queens`)

var towns = set(`aberdeen barnsley basingstoke bath bedford belfast birmingham blackburn blackpool bolton bournemouth bradford brighton bristol burnley bury cambridge
	canterbury cardiff carlisle chelmsford cheltenham chester chesterfield colchester coventry crawley croydon darlington derby doncaster dover dundee durham eastbourne
	edinburgh exeter falkirk gateshead glasgow gloucester grimsby guildford halifax harrogate hartlepool hastings hereford huddersfield hull inverness ipswich kettering
	lancaster leeds leicester lichfield lincoln liverpool london luton maidstone manchester mansfield middlesbrough newcastle newport northampton norwich nottingham
	nuneaton oldham oxford paisley perth peterborough plymouth poole portsmouth preston reading redditch rochdale rotherham rugby salford salisbury scunthorpe sheffield
	shrewsbury slough solihull southampton southend southport stevenage stirling stockport sunderland swansea swindon telford torquay truro wakefield walsall warrington
	watford wigan winchester windsor woking wolverhampton worcester worthing wrexham york`)
