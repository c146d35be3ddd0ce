// Writes engine.txt: what the built-in engine really makes of sentences with
// personal data in them. Each sentence is spoken by a synthesiser (Debian: flite,
// sox), in three pieces, so that it is known when the personal one is heard;
// brought down to the telephone's band with noise; and decoded by PocketSphinx with the flags
// of internal/insight/speech. What the engine wrote into that time is marked.
//
//	node internal/insight/pii/testdata/engine.mjs
//	node internal/insight/pii/testdata/engine.mjs calls
//
// The second writes engine-calls.txt: four of each kind from calls.txt, with the
// turn before, which is spoken and decoded for itself.
//
// "# NAME whole" has the thing written down as it was spoken, word by word or
// digit by digit; "# NAME hurt" has not. A line "=" says what was spoken.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

let state = 20261122
const rnd = () => {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const int = n => Math.floor(rnd() * n)
const pick = a => a[int(a.length)]
const digits = n => Array.from({ length: n }, () => int(10)).join('')
const ones = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']

// read aloud: with "oh", "double" and "treble", as people do
const aloud = d => {
  const out = [], oh = pick(['oh', 'zero']), runs = rnd() < 0.5
  for (let i = 0; i < d.length;) {
    let n = 1
    while (d[i + n] === d[i]) n++
    const w = d[i] === '0' ? oh : ones[d[i]]
    if (runs && n >= 3) { out.push('treble', w); i += 3 } else if (runs && n >= 2) { out.push('double', w); i += 2 } else { out.push(w); i++ }
  }
  return out.join(' ')
}
const luhn = d => {
  let sum = 0
  for (let i = 0; i < d.length; i++) { let n = +d[d.length - 1 - i]; if (i % 2 === 0) { n *= 2; if (n > 9) n -= 9 } sum += n }
  return d + (10 - sum % 10) % 10
}
const card = () => { const b = pick(['4', '51', '53']); return luhn(b + digits(15 - b.length)) }
const nhs = () => { for (;;) { const d = digits(9), c = (11 - [...d].reduce((s, x, i) => s + x * (10 - i), 0) % 11) % 11; if (c < 10) return d + c } }
const letters = 'abcdefghijklmnoprstuwz'
const months = ['january', 'february', 'march', 'april', 'june', 'july', 'august', 'september', 'october', 'november', 'december']
const days = ['first', 'second', 'third', 'fifth', 'seventh', 'ninth', 'eleventh', 'fourteenth', 'sixteenth', 'twentieth', 'twenty first', 'thirtieth']
const years = ['nineteen sixty two', 'nineteen seventy one', 'nineteen eighty four', 'nineteen ninety', 'two thousand and three', 'nineteen fifty eight']
const first = ['john', 'mary', 'david', 'susan', 'peter', 'helen', 'robert', 'karen', 'michael', 'laura'], last = ['smith', 'johnson', 'brown', 'walker', 'wilson', 'taylor', 'harris', 'cooper', 'morgan', 'clark']
const towns = ['london', 'manchester', 'birmingham', 'bristol', 'liverpool', 'york', 'cambridge', 'oxford', 'glasgow', 'cardiff']
const streets = ['church street', 'station road', 'victoria road', 'mill lane', 'park avenue', 'high street', 'queen street', 'london road']
const words = ['garden', 'summer', 'river', 'market', 'silver', 'castle', 'orange', 'winter']
const spell = s => [...s].join(' ')
const nino = () => `${spell(pick(['ab', 'ce', 'jn', 'pw', 'sk', 'ta']))} ${aloud(digits(6))} ${pick(['a', 'b', 'c', 'd'])}`

// what is spoken before and after, and the thing itself; written for this corpus
const kinds = {
  CREDIT_CARD: [[['the long number on my card is', 'and that is everything'], ['could you take my visa card it is', 'thank you'], ['please charge the card number', 'for the whole amount']], () => aloud(card())],
  SECURITY_CODE: [[['the three digits on the back of the card are', 'is that correct'], ['my security code is', 'and the name is on the front'], ['the security number on the back is', 'thank you very much']], () => aloud(digits(3))],
  PHONE_NUMBER: [[['you can call me back on', 'after six'], ['my mobile number is', 'please send a message'], ['the best number to reach me is', 'at any time']], () => aloud(pick(['07700900', '01614960', '02079460']) + digits(3))],
  EMAIL_ADDRESS: [[['please send it to my email address', 'and i will read it tonight'], ['my email is', 'all in small letters'], ['you can write to', 'if there is a problem']], () => `${pick(first)} dot ${pick(last)} at example dot ${pick(['com', 'org', 'net'])}`],
  IBAN_CODE: [[['the iban is', 'at my bank'], ['please pay it to the iban number', 'before friday']], () => `g b ${aloud(digits(2))} ${spell(Array.from({ length: 4 }, () => pick([...letters])).join(''))} ${aloud(digits(14))}`],
  UK_SORT_CODE: [[['the sort code is', 'and i will find the account'], ['my bank has the sort code', 'on the statement']], () => aloud(digits(6))],
  UK_BANK_ACCOUNT: [[['my account number is', 'with the bank in town'], ['please use the bank account', 'for the direct debit']], () => aloud(digits(8))],
  UK_NHS: [[['my nhs number is', 'it is on the letter'], ['the patient has the nhs number', 'since last year']], () => aloud(nhs())],
  UK_NINO: [[['my national insurance number is', 'it is on my pay slip'], ['the insurance number is', 'as far as i know']], nino],
  UK_POSTCODE: [[['the postcode is', 'it is near the station'], ['we live at the postcode', 'next to the school']], () => `${spell(pick(['m', 'ls', 'sw', 'b', 'bs', 'ne']))} ${ones[1 + int(9)]} ${ones[1 + int(9)]} ${spell(pick(['ab', 'jd', 'qz', 'tr', 'le']))}`],
  DATE_TIME: [[['my date of birth is', 'that is what you asked'], ['i was born on the', 'in a small town']], () => `${pick(days)} of ${pick(months)} ${pick(years)}`],
  IP_ADDRESS: [[['the ip address of the machine is', 'in our office'], ['we connect from the address', 'to your server']], () => `${aloud('10')} dot ${aloud(digits(2))} dot ${aloud(digits(2))} dot ${aloud(digits(2))}`],
  URL: [[['you will find it at', 'on the first page'], ['the web site is', 'as i said before']], () => `w w w dot ${pick(words)} ${pick(words)} dot ${pick(['com', 'co dot uk', 'org'])}`],
  PERSON: [[['good morning my name is', 'and i have a question'], ['could i speak to', 'about the order'], ['this is', 'calling about my bill']], () => `${pick(first)} ${pick(last)}`],
  LOCATION: [[['my address is', 'since last summer'], ['i live at', 'with my family']], () => `${aloud(String(1 + int(98)))} ${pick(streets)} ${pick(towns)}`],
}
const EACH = 14
// Of these fewer were decoded: a sentence takes half a minute of computing.
const fewer = { DATE_TIME: 10, PERSON: 7, LOCATION: 7, URL: 6, IP_ADDRESS: 6 }
const decoded = x => Number(x.name.split('-')[1]) < (fewer[x.entity] ?? EACH)
const voices = ['awb', 'rms', 'slt', 'kal16']
const model = '/usr/share/pocketsphinx/model/en-us'
const work = mkdtempSync(join(tmpdir(), 'engine-'))
const sh = (cmd, ...args) => execFileSync(cmd, args, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' })
const seconds = f => Number(sh('soxi', '-D', f))


// speak writes what is said in three pieces as it comes over the telephone, and
// says when the second is heard, in hundredths of a second.
function speak(name, texts, voice) {
  const parts = texts.map((text, n) => {
    const raw = join(work, 'raw.wav'), out = join(work, `p${n}.wav`)
    if (!text) return null
    sh('flite', '-voice', voice, '-t', text, '-o', raw)
    sh('sox', '-D', raw, '-r', '8000', '-c', '1', '-b', '16', out, 'gain', '-3')
    return out
  })
  const [a, b] = parts.map(f => f ? seconds(f) : 0), clean = join(work, 'clean.wav'), noise = join(work, 'noise.wav')
  sh('sox', ...parts.filter(Boolean), clean)
  const loud = pick(['0.004', '0.008', '0.015'])
  sh('sox', '-R', '-n', '-r', '8000', '-c', '1', '-b', '16', noise, 'synth', String(seconds(clean)), 'pinknoise', 'vol', loud)
  const line = join(work, 'line.wav')
  sh('sox', '-m', '-v', '1', clean, '-v', '1', noise, '-e', 'a-law', line, 'sinc', '300-3400')
  sh('sox', '-D', line, '-r', '16000', '-b', '16', '-e', 'signed', join(work, `${name}.wav`))
  return { from: a * 100, to: (a + b) * 100 }
}

// decode gives the words that the engine wrote, with their times, by name.
function decode(names) {
  writeFileSync(join(work, 'ctl'), names.join('\n') + '\n')
  sh('pocketsphinx_batch', '-hmm', `${model}/en-us`, '-lm', `${model}/en-us.lm.bin`, '-dict', `${model}/cmudict-en-us.dict`, '-adcin', 'yes', '-adchdr', '44',
    '-cepdir', work, '-cepext', '.wav', '-ctl', join(work, 'ctl'), '-hypseg', join(work, 'seg'), '-fwdflat', 'no', '-maxhmmpf', '3000', '-maxwpf', '5')
  const heard = {}
  for (const l of readFileSync(join(work, 'seg'), 'utf8').split('\n')) {
    // name S … T … A … L … from ascore lscore word … until
    const f = l.trim().split(/\s+/)
    if (f.length < 10) continue
    const list = []
    for (let i = f.indexOf('L') + 2; i + 3 < f.length; i += 4) list.push({ from: +f[i], to: +f[i + 4], word: f[i + 3] })
    heard[f[0]] = list.filter(w => !/^[<[+]/.test(w.word)).map(w => ({ ...w, word: w.word.replace(/\(\d+\)$/, '').replace(/[:[\]~]/g, '') }))
  }
  return heard
}

const say = l => l.map(w => w.word).join(' ')

// tell writes one sentence down, or nothing where the engine wrote nothing of
// what is to be found.
function tell(x, list = [], before = '') {
  const inside = list.filter(w => { const mid = (w.from + w.to) / 2; return mid >= x.from && mid <= x.to })
  if (inside.length === 0) return ''
  const at = list.indexOf(inside[0]), end = list.indexOf(inside.at(-1)) + 1
  const whole = say(inside) === x.spoken ? 'whole' : 'hurt'
  return `# ${x.name} ${whole}\n= ${x.spoken}\n${before}C: ${[say(list.slice(0, at)), `[${x.entity}:1 ${say(inside)}]`, say(list.slice(end))].filter(Boolean).join(' ')}\n\n`
}

function sentences() {
  const all = []
  for (const [entity, [frames, thing]] of Object.entries(kinds)) {
    for (let i = 0; i < EACH; i++) {
      const [before, after] = pick(frames), spoken = thing(), voice = pick(voices), name = `${entity.toLowerCase()}-${i}`
      all.push({ name, entity, spoken, ...speak(name, [before, spoken, after], voice) })
    }
  }
  const some = all.filter(decoded), heard = decode(some.map(x => x.name))
  return some.map(x => tell(x, heard[x.name])).join('')
}

// calls takes from calls.txt what stands in one turn, without figures and
// without words that are spelt as an engine mishears them.
function calls() {
  const all = [], misheard = /\d|@|\bwww|\b(for|to|too|won|ate|free|tree|o|niner|tea|wine|sea|enn)\b|-/, count = {}
  for (const dialogue of readFileSync(join(here, 'calls.txt'), 'utf8').split('\n\n')) {
    const [, ...turns] = dialogue.trim().split('\n')
    const things = turns.flatMap(t => [...t.matchAll(/\[(\w+:\d)/g)].map(m => m[1]))
    for (let n = 0; n < turns.length; n++) {
      const m = /^\w: ?([^[\]]*?) ?\[(\w+):(\d) ([^\]~]+)\] ?([^[\]]*)$/.exec(turns[n])
      if (!m || misheard.test(m[4]) || (count[m[2]] ?? 0) === 4 || things.filter(x => x === `${m[2]}:${m[3]}`).length > 1) continue
      count[m[2]] = (count[m[2]] ?? 0) + 1
      const name = `${m[2].toLowerCase()}-${count[m[2]]}`, voice = int(voices.length)
      const asked = n > 0 ? turns[n - 1].slice(2).replace(/\[\w+:\d |\]|~/g, '').trim() : ''
      if (asked) speak(`${name}-asked`, [asked], voices[(voice + 1) % voices.length])
      all.push({ name, asked, entity: m[2], spoken: m[4], ...speak(name, [m[1], m[4], m[5]], voices[voice]) })
    }
  }
  const heard = decode(all.flatMap(x => x.asked ? [`${x.name}-asked`, x.name] : [x.name]))
  return all.map(x => tell(x, heard[x.name], x.asked ? `A: ${say(heard[`${x.name}-asked`] ?? [])}\n` : '')).join('')
}

const here = dirname(fileURLToPath(import.meta.url))
try {
  if (process.argv[2] === 'calls') writeFileSync(join(here, 'engine-calls.txt'), calls())
  else writeFileSync(join(here, 'engine.txt'), sentences())
} finally {
  rmSync(work, { recursive: true, force: true })
}
