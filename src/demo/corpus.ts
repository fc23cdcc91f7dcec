/**
 * The documents of the demo search API, so that a first search finds something without a network. All were written for
 * this purpose, and those under "news" are invented.
 */

export const categories = ['general', 'news', 'science', 'it', 'images', 'videos'] as const
type Category = (typeof categories)[number]

export interface Document {
  readonly slug: string
  readonly url: string
  readonly title: string
  readonly category: Category
  /** UTC day, YYYY-MM-DD. */
  readonly publishedDate: string
  readonly paragraphs: readonly string[]
  /** The paragraphs, with an empty line between two. */
  readonly text: string
}

export const demoOrigin = 'https://demo.tollbook.example'

function document(
  category: Category,
  publishedDate: string,
  title: string,
  ...paragraphs: string[]
): Document {
  const slug = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  const url = `${demoOrigin}/pages/${slug}`
  return { slug, url, title, category, publishedDate, paragraphs, text: paragraphs.join('\n\n') }
}

export const corpus: readonly Document[] = [
  document(
    'general',
    '2025-01-14',
    'How double-entry bookkeeping works',
    'Every movement of money is written twice: once as a debit in one account and once as a credit in another. The two sums must always be equal, so a slip of the pen shows itself when the books are closed.',
    'Merchants in the Italian cities used the method by the fourteenth century, and Luca Pacioli described it in print in 1494. A ledger that is only ever added to can be audited by anyone who can add.',
  ),
  document(
    'general',
    '2025-02-03',
    'A short history of the toll road',
    'Travellers have paid to use roads and bridges since antiquity. A barrier across the way, often a turning pike, gave the turnpike its name; the keeper wrote each passage and its price in a book.',
    'Today cameras and radio tags have replaced the gate, but the questions are the same: who passed, what did it cost, and can the traveller check the bill?',
  ),
  document(
    'general',
    '2025-02-20',
    'Baking bread with a sourdough starter',
    'A starter is flour and water in which wild yeast and lactic bacteria live together. Feed it every day and it will raise a loaf without any yeast from a packet.',
    'Mix the dough wet, let it rest, fold it a few times over four hours, and leave it in the cold overnight. Bake it in a very hot covered pot so that steam keeps the crust soft while the bread rises.',
  ),
  document(
    'general',
    '2025-03-08',
    'Choosing a bicycle for the city',
    'A city bicycle should be easy to get on and off, carry a bag, and keep the rain from your back. Mudguards, a rack, lights fed by a hub dynamo and a chain case matter more than weight.',
    'Look for wide tyres with puncture protection. Hub gears need less care than a derailleur and can be changed while standing at a red light.',
  ),
  document(
    'general',
    '2025-03-30',
    'Why we have leap years',
    'The earth needs about 365.2422 days to go round the sun. Without a correction the calendar would drift against the seasons by almost a day every four years.',
    'The Gregorian calendar adds a day in every year that is divisible by four, except for centuries that are not divisible by four hundred. So 1900 was a common year and 2000 was a leap year.',
  ),
  document(
    'general',
    '2025-04-17',
    'Growing tomatoes on a balcony',
    'Tomatoes want six hours of sun, a pot of at least ten litres and water at the root, never on the leaves. Tie the stem to a stick and pinch out the side shoots of tall kinds.',
    'Feed the plant once the first fruit has set. Brown patches at the bottom of a fruit come from uneven watering and not from a disease.',
  ),
  document(
    'general',
    '2025-05-05',
    'The rules of chess in brief',
    'Two players move in turn on a board of sixty-four squares. A king that is attacked is in check and must be made safe at once; if that is impossible it is checkmate and the game is over.',
    'Castling, promotion and capture en passant are the three special moves. The game is a draw by stalemate, by agreement, or when the same position has appeared three times.',
  ),
  document(
    'general',
    '2025-06-11',
    'Packing light for a week of walking',
    'Wear one set of clothes, carry one, and wash a set in the evening. Wool dries slowly but does not smell; synthetic shirts are dry by morning.',
    'A rain jacket, a warm layer, a map, a lamp and a litre of water go into the pack before anything else. If it weighs more than a tenth of what you weigh, take something out.',
  ),
  document(
    'general',
    '2025-07-02',
    'What a metronome is for',
    'A metronome ticks at a steady tempo given in beats a minute, so that a musician can hear where the playing hurries or drags. Practise a hard passage slowly, then raise the tempo by a few beats at a time.',
    'Sixty is one beat a second, a calm walk is about a hundred, and a lively march is a hundred and twenty.',
  ),
  document(
    'news',
    '2025-09-01',
    'Harbour library opens on Sundays',
    'The invented town of Greywater has decided that its harbour library will open on Sundays from ten to four. Readers had asked for it for years.',
    'The town pays for two more librarians. "People work on weekdays," said the head of the library, "and books should be open when people are free."',
  ),
  document(
    'news',
    '2025-09-12',
    'Greywater counts its swifts',
    'Volunteers in the invented town of Greywater counted 412 nesting swifts this summer, forty more than a year ago. New nest boxes under the roof of the school were taken within weeks.',
    'The birds leave in August for Africa and sleep on the wing. The next count is in May.',
  ),
  document(
    'news',
    '2025-09-25',
    'Night train to the coast returns',
    'After eleven years without one, an invented railway will again run a night train to the coast, three times a week, with sleeping cars and a place for bicycles.',
    'Tickets go on sale in October. The timetable leaves enough time at the junction for the connection to the ferry.',
  ),
  document(
    'news',
    '2025-10-06',
    'Town market moves to electric vans',
    'The weekly market of Greywater, a town that exists only in this demo, now takes deliveries by electric van alone. Traders share four vans and book them by the hour.',
    'A meter in each van writes down the distance, and every trader receives one bill at the end of the month.',
  ),
  document(
    'news',
    '2025-10-19',
    'Students build a tide gauge',
    'A class in the invented town of Greywater has built a tide gauge from a drainpipe, a float and a small computer. It measures the level of the sea every minute.',
    'The readings are published for everyone. During the October storm the gauge showed the highest water since measurements began, which was eleven days earlier.',
  ),
  document(
    'news',
    '2025-11-03',
    'Bakery wins prize for rye bread',
    'The Mill Street bakery of invented Greywater has won the regional prize for rye bread. The jury praised a sour crumb and a crust that sings when it cools.',
    'The recipe is on the wall for all to read. "The secret is time," said the baker, who starts the dough at four in the afternoon.',
  ),
  document(
    'science',
    '2025-01-22',
    'How photosynthesis stores sunlight',
    'Plants take in carbon dioxide and water and, with the energy of light, make sugar and oxygen. Chlorophyll absorbs red and blue light and reflects green, which is why leaves are green.',
    'The light reactions split water and load small energy carriers; the Calvin cycle then uses them to fix carbon. Nearly all food on earth begins here.',
  ),
  document(
    'science',
    '2025-02-11',
    'What black holes are',
    'A black hole is a region from which not even light escapes. Its edge is called the event horizon; a body of the mass of the sun would have to shrink to about three kilometres in radius to have one.',
    'Black holes are found by what they do to their surroundings: stars that circle nothing visible, hot gas that shines in X-rays, and gravitational waves when two of them merge.',
  ),
  document(
    'science',
    '2025-03-16',
    'Why the sky is blue',
    'Air molecules scatter short waves of light far more strongly than long ones: by the fourth power of the frequency. Blue therefore reaches the eye from every direction of the sky.',
    'At sunset the light takes a long way through the air, most of the blue has been scattered out of it, and what remains is orange and red.',
  ),
  document(
    'science',
    '2025-04-02',
    'Plate tectonics and earthquakes',
    'The outer shell of the earth is broken into plates that move a few centimetres a year. Where they slide past or under one another, stress builds up until the rock slips: an earthquake.',
    'The mid-ocean ridges, where new sea floor forms, and the match of coasts on both sides of the Atlantic were the strongest evidence for the theory.',
  ),
  document(
    'science',
    '2025-05-19',
    'The ocean tides explained',
    'The moon pulls more strongly on the near side of the earth than on the far side, and the difference raises two bulges of water. As the earth turns, most coasts pass through both and see two high tides a day.',
    'When sun and moon pull along one line, at new and full moon, the spring tides are highest. The shape of a bay can make them many times larger.',
  ),
  document(
    'science',
    '2025-06-07',
    'Vaccines and the immune memory',
    'A vaccine shows the immune system a harmless part or a weakened form of a germ. B cells and T cells that recognise it multiply, and some of them stay as memory for years.',
    'When the real germ arrives, the answer comes within days instead of weeks. If enough people are protected, the germ finds no way from one to the next.',
  ),
  document(
    'science',
    '2025-07-21',
    'The speed of sound in air and water',
    'Sound travels at about 343 metres a second in air of twenty degrees and at about 1,480 metres a second in water. It is faster in warm air than in cold air.',
    'Counting the seconds between lightning and thunder and dividing by three gives the distance of a storm in kilometres.',
  ),
  document(
    'science',
    '2025-08-13',
    'How bees tell each other where flowers are',
    'A honey bee that has found flowers dances on the comb. The angle of the waggle run against the vertical is the angle of the flight against the sun; the length of the run is the distance.',
    'Karl von Frisch deciphered the dance and received a Nobel prize for it in 1973.',
  ),
  document(
    'it',
    '2025-01-09',
    'What an API gateway does',
    'An API gateway stands in front of services. It checks who is calling, limits how often, counts what is used, and passes the request on. The services behind it need to know nothing of keys or bills.',
    'A good gateway adds little latency, fails in a predictable way, and never charges for an answer that it did not deliver.',
  ),
  document(
    'it',
    '2025-01-30',
    'Event sourcing in ten sentences',
    'Instead of overwriting state, an event-sourced system appends what happened to a log. The present state is a fold over that log: start empty and apply the events one after another.',
    'A projection is such a fold kept in a table. It can be thrown away and computed again, as of any moment. The price is that events must be kept readable for ever, and that old shapes have to be translated on reading.',
  ),
  document(
    'it',
    '2025-02-14',
    'Rate limiting with a sliding window',
    'A fixed window that resets every minute admits twice the limit around the reset. A sliding window counts the requests of the last sixty seconds at any moment and so has no such edge.',
    'The exact form remembers the times of the last N accepted requests. Token buckets are cheaper to store but allow a burst on top of the rate.',
  ),
  document(
    'it',
    '2025-03-03',
    'Idempotency keys for safe retries',
    'A client that hears no answer cannot know whether its request ran. If it sends the same idempotency key with the retry, the server can recognise the request and answer as it did the first time.',
    'The key must be claimed before the work is done, and in the same transaction as the charge; otherwise two retries that race can both run.',
  ),
  document(
    'it',
    '2025-04-25',
    'PostgreSQL write-ahead log',
    'PostgreSQL writes each change to the write-ahead log before it touches a table. A commit is durable once its record has been flushed to disk; after a crash the log is replayed.',
    'Flushing is slow compared with everything else, so the database lets many transactions share one flush. This is called group commit.',
  ),
  document(
    'it',
    '2025-05-28',
    'Redis data structures at a glance',
    'Redis keeps strings, lists, sets, hashes, sorted sets and streams in memory and changes them with single commands. A Lua script runs as one step, so that no other command comes between its reads and writes.',
    'Keys can carry a time to live. In a cluster, keys with the same tag in braces live on the same node.',
  ),
  document(
    'it',
    '2025-06-18',
    'How HTTP keep-alive saves time',
    'Opening a TCP connection costs a round trip, and TLS costs one or two more. With keep-alive the client sends the next request on the connection that is already open.',
    'A proxy keeps a pool of such connections to its upstream. It must not reuse one that the other side is about to close, which is why idle timeouts should shrink towards the client.',
  ),
  document(
    'it',
    '2025-07-11',
    'BM25, the ranking function of search engines',
    'BM25 scores a document for a query by summing over the words of the query: rare words count more, repeated words count ever less, and long documents are damped.',
    'Two parameters steer it: k1 for how fast repetition saturates, usually between 1.2 and 2, and b for how strongly length is punished, usually 0.75.',
  ),
  document(
    'it',
    '2025-08-04',
    'Hash functions and SHA-256',
    'A cryptographic hash turns any input into a short fingerprint that nobody can invert and for which nobody can find two inputs. SHA-256 gives 256 bits.',
    'Storing only the hash of an API key means that a stolen database does not give away the keys. A tree of hashes proves that a log has not been changed.',
  ),
  document(
    'it',
    '2025-08-29',
    'WAV, the simplest audio format',
    'A WAV file is a RIFF container: a header of usually 44 bytes that names the sample rate, channels and bits of a sample, followed by the samples themselves.',
    'One second of 16-bit mono at 22,050 hertz takes 44,100 bytes. The duration is the length of the data divided by the bytes a second.',
  ),
  document(
    'images',
    '2025-03-21',
    'Picture: lighthouse at dusk',
    'A photograph of a white lighthouse at dusk, its lamp just lit, above dark rocks and a calm sea. The sky turns from orange at the horizon to deep blue.',
  ),
  document(
    'images',
    '2025-05-15',
    'Picture: the parts of a flower',
    'A labelled drawing of a flower cut in half: petals, sepals, stamens with anthers, and the pistil with stigma, style and ovary.',
  ),
  document(
    'images',
    '2025-08-22',
    'Picture: map of the night sky in August',
    'A star map for August evenings in the northern hemisphere, with the summer triangle of Vega, Deneb and Altair high in the south and the path of the Perseid meteors.',
  ),
  document(
    'videos',
    '2025-02-26',
    'Video: tying a bowline in one minute',
    'A short film that shows how to tie a bowline, the knot that makes a loop which neither slips nor jams: the rabbit comes out of the hole, round the tree, and back into the hole.',
  ),
  document(
    'videos',
    '2025-06-28',
    'Video: a glacier over one summer',
    'A time-lapse film of a glacier tongue from June to September. The ice thins, a lake forms at its edge, and stones that lay on the surface sink to the ground.',
  ),
  document(
    'videos',
    '2025-10-30',
    'Video: repairing a bicycle puncture',
    'A film that shows how to find and repair a puncture: take the wheel out, lever off the tyre, find the hole under water, roughen, glue, wait, and press the patch on.',
  ),
  document(
    'videos',
    '2025-11-10',
    'Video: how a pipe organ makes its sound',
    'A visit inside a pipe organ. Bellows press air into wind chests, each key opens a valve, and pipes from the size of a pencil to eight metres in length sound their tone.',
  ),
]
